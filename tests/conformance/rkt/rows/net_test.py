"""Networks (rkt-cli.md 12.9); kvm's rows are shown with the flavour that we have."""

from __future__ import annotations

from tests.conformance.rkt.row import FLAVOURS, Image, Owed, Row, Run, Shown

_FILE = "integration/rkt/test_networks.py"
_SHOWN = {
    "host: a server is reached on loopback":
        "test_a_server_in_the_hosts_network_is_reached_on_loopback",
    "default: the host is reached": "test_a_pod_of_the_default_network_reaches_the_host",
    "default-restricted: the pod is reached":
        "test_the_host_reaches_a_pod_of_the_restricted_network",
    "default: the same port, on the gateway": "test_a_forwarded_port_is_reached",
    "default: the same port, on loopback": "test_a_forwarded_port_is_reached",
    "default: another port, on the gateway": "test_a_forwarded_port_is_reached",
    "default: another port, on loopback": "test_a_forwarded_port_is_reached",
    "default: a port of one address, there": "test_a_forwarded_port_is_reached",
    "default: a port of one address, elsewhere":
        "test_a_port_forwarded_on_one_address_is_not_reached_on_another",
    "bridge: the same port, on the gateway": "test_a_forwarded_port_is_reached",
    "bridge: the same port, on loopback": "test_a_forwarded_port_is_reached",
    "bridge: another port, on the gateway": "test_a_forwarded_port_is_reached",
    "bridge: another port, on loopback": "test_a_forwarded_port_is_reached",
    "custom ptp: masqueraded": "test_a_configured_network_masquerades_its_pods",
    "custom ptp: two pods": "test_pods_of_a_configured_network_reach_each_other",
    "custom bridge: masqueraded": "test_a_configured_network_masquerades_its_pods",
    "custom bridge: two pods": "test_pods_of_a_configured_network_reach_each_other",
    "custom macvlan: two pods": "test_pods_of_a_configured_network_reach_each_other",
    "an address by argument": "test_an_address_may_be_asked_for",
    "an address of default by argument": "test_an_address_of_a_default_network_may_be_asked_for",
    "an address of default-restricted by argument":
        "test_an_address_of_a_default_network_may_be_asked_for",
    "an address that is taken": "test_an_address_that_a_pod_has_is_refused_to_another",
    "a long name": "test_a_networks_name_may_be_longer_than_an_interfaces",
    "the kubelet's network is noted": "test_the_record_has_the_name_of_kuberneteses_network",
    "the kubelet's network has a gateway": "test_kuberneteses_network_has_a_default_gateway",
    "what a plugin is told": "test_a_plugin_is_called_as_rkt_called_it",
    "a plugin's name server": "test_a_name_server_of_a_plugin_is_the_apps",
    "a plugin's name server and --dns": "test_a_name_server_of_a_plugin_is_the_apps",
    "a plugin's name server and --dns=none":
        "test_without_dns_there_is_no_file_whatever_the_plugin_says",
}  # fmt: skip


def rows() -> list[Row | Shown | Owed]:
    look = Image(("--print-netns", "--print-iface-count"))

    def ran(*options: str) -> Run:
        # As rkt's test has it: options of ``run`` may stand before the command.
        words = (*options, "--debug", "--insecure-options=image", "run", "--mds-register=false")
        return Run((*words, "{image}"), (look,))

    none = ran("--net=none")
    own, hosts = r"NetNS: net:\[\d+\]", "NetNS: {net}"
    return [
        Row("host: the namespace is the host's", ran("--net=host"), hosts),
        Row("none: the namespace is the pod's", none, own, hosts),
        Row("none: loopback only", none, r"Interface count: 1\s"),
        Row("default: the namespace is the pod's", ran("--net=default"), own, hosts),
        Row("nothing said: the namespace is the pod's", ran(), own, hosts),
        Row("default-restricted: the namespace is the pod's", ran("--net=default-restricted"),
            own, hosts),
        *(Shown(name, f"{_FILE}::{test}") for name, test in _SHOWN.items()),
        Owed("kvm: a forwarded port", "kvm", FLAVOURS),
    ]  # fmt: skip
