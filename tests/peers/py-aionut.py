"""aionut, the client of Home Assistant: HOST PORT."""

import asyncio
import sys

import aionut

host, port = sys.argv[1], int(sys.argv[2])


async def main() -> None:
    client = aionut.AIONUTClient(host, port, "admin", "secret")
    assert sorted(await client.list_ups()) == ["lab", "plain", "tls"]
    assert await client.description("lab") == "The lab"
    values = await client.list_vars("lab")
    assert values["ups.status"] == "OL CHRG", values
    assert "load.off" in await client.list_commands("lab")
    assert await client.run_command("lab", "load.off") == "OK"
    for wrong, token in [("nosuch", "UNKNOWN-UPS"), ("lab x", "")]:
        try:
            await client.list_vars(wrong)
            raise AssertionError(f"{wrong} has variables")
        except aionut.NUTError as error:
            assert token in str(error), error
    client.shutdown()
    stranger = aionut.AIONUTClient(host, port, "admin", "wrong")
    try:
        await stranger.run_command("lab", "load.off")
        raise AssertionError("a wrong password let a command through")
    except aionut.NUTLoginError as error:
        assert "ACCESS-DENIED" in str(error), error


asyncio.run(main())
