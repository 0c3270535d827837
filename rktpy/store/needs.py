"""Which layers anything in the store still needs."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.store.errors import ImageGoneError, StoreError
from rktpy.store.trees import Trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.store.images import ImageStore


class LayerNeeds:
    """Looks at images and trees, at each of them once: neither ever changes under its name."""

    __slots__ = ("_images", "_store", "_trees")

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self._images: dict[str, tuple[str, ...]] = {}
        self._trees: dict[str, tuple[str, ...]] = {}

    def now(self) -> frozenset[str]:
        """Return the diff IDs of all layers that an image or a tree names at this moment.

        Raises:
            StoreError, TreeError: one cannot be read, so nobody knows.
        """
        keys = self._store.stored_keys()
        for key in keys:
            if key not in self._images:
                self._images[key] = self._of_image(key)
        found = frozenset(diff_id for key in keys for diff_id in self._images[key])
        return found | self.of_trees()

    def of_trees(self) -> frozenset[str]:
        """Return the diff IDs of the layers that trees have. Errors as ``now``."""
        trees = Trees(self._store.layout)
        tree_ids = trees.ids()
        for tree_id in tree_ids:
            if tree_id not in self._trees:
                names = trees.layer_names(tree_id)
                self._trees[tree_id] = tuple(name.replace("-", ":", 1) for name in names)
        return frozenset(diff_id for tree_id in tree_ids for diff_id in self._trees[tree_id])

    def _of_image(self, key: str) -> tuple[str, ...]:
        try:
            document = self._store.document(key)
        except ImageGoneError:
            return ()  # removed since we listed it
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return ()  # likewise, by hand
            raise
        except RktError:
            return ()  # damaged: a fetch makes it anew, and looks for its layers itself
        return () if document is None else document.diff_ids
