"""PyNUTClient, the Python binding of NUT itself, in clear and over TLS: HOST PORT CA."""

import os
import sys

from PyNUTClient import PyNUT

host, port, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]

verified = {"use_ssl": True, "force_ssl": True, "cert_verify": True, "ca_file": ca}
for tls in ({}, verified):
    client = PyNUT.PyNUTClient(host, port, "admin", "secret", **tls)
    assert client.GetUPSNames() == ["lab", "plain", "tls"], client.GetUPSNames()
    assert client.GetUPSList()[b"lab"] == b"The lab"
    assert client.CheckUPSAvailable("lab") and not client.CheckUPSAvailable("nosuch")
    values = client.GetUPSVars("lab")
    assert values[b"ups.status"] == b"OL CHRG", values
    assert b"load.off" in client.GetUPSCommands("lab")
    assert client.SetRWVar("lab", "ups.delay.shutdown", "55").startswith("OK")
    assert b"ups.load" in client.GetRWVars("lab")
    assert client.RunUPSCommand("lab", "load.off").startswith("OK")
    assert b"Network UPS Tools upsd" in client.ver()
    assert b"VER" in client.help()
    try:
        client.RunUPSCommand("lab", "no.such.command")
        raise AssertionError("an unknown command went through")
    except PyNUT.PyNUTError as error:
        assert "CMD-NOT-SUPPORTED" in str(error), error

for bad in ("EXPIRED_PORT", "ELSEWHERE_PORT"):
    try:
        PyNUT.PyNUTClient(host, int(os.environ[bad]), "admin", "secret", **verified)
    except Exception as error:
        assert "certificate" in str(error).lower(), error
    else:
        raise SystemExit(f"it trusts the server at {bad}")

watcher = PyNUT.PyNUTClient(host, port, "watcher", "watch")
watcher.DeviceLogin("lab")
assert b"127.0.0.1" in str(watcher.ListClients("lab")).encode()
