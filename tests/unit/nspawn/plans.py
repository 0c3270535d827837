"""Pod plans for tests."""

from __future__ import annotations

from rktpy.flavour.plan import AppPlan, PodPlan

UUID = "0b9d1a5e-5e4f-4a43-9d4c-0a1b2c3d4e5f"


def app(name: str = "web", **changes: object) -> AppPlan:
    """Return a plain app; ``changes`` replace fields."""
    plain = AppPlan(name=name, image_name=f"example.com/{name}", argv=("/bin/server", "--flag"))
    return plain.replace(**changes)


def pod(*apps: AppPlan, **changes: object) -> PodPlan:
    """Return a pod of ``apps``, or of one plain app."""
    plain = PodPlan(uuid=UUID, apps=apps or (app(),), hostname=f"rkt-{UUID}")
    return plain.replace(**changes)
