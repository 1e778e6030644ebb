"""nut2, the Python client that Prometheus exporters and dashboards use: HOST PORT."""

import sys

import nut2

host, port = sys.argv[1], int(sys.argv[2])

with nut2.PyNUTClient(host, port, "admin", "secret") as client:
    assert sorted(client.list_ups()) == ["lab", "plain", "tls"]
    assert client.description("lab") == "The lab"
    assert client.list_vars("lab")["ups.status"] == "OL CHRG"
    assert client.get("lab", "ups.load") == "12"
    assert "load.off" in client.list_commands("lab")
    assert "ups.load" in client.list_rw_vars("lab")
    assert client.var_type("lab", "ups.load"), "a writable variable has a type"
    assert client.var_description("lab", "ups.load")
    assert client.command_description("lab", "load.off")
    client.set_var("lab", "ups.delay.shutdown", "56")
    client.run_command("lab", "load.off")
    assert int(client.num_logins("lab")) == 0
    assert "Network UPS Tools upsd" in client.ver()
    try:
        client.list_vars("nosuch")
        raise AssertionError("an unknown UPS has variables")
    except nut2.PyNUTError as error:
        assert "UNKNOWN-UPS" in str(error), error
