"""The machines that train together, as the variable TF_CONFIG names them to each of them."""

import json
import os
import re
import sys
from typing import NamedTuple

TOGETHER = 600
"""Seconds after which machines give up waiting for one another: longer than a validation or a compilation may take."""


class Hosts(NamedTuple):
    """The addresses of all machines, `HOST:PORT`, and the number of this one; the first is the one that writes."""

    addresses: list[str]
    index: int


def named() -> Hosts | None:
    """Return the machines that TF_CONFIG names; None if it is not set, or names none.

    Raises
    ------
    ValueError
        It cannot be read, or does not say which of them this machine is.
    """
    text = os.environ.get("TF_CONFIG", "{}")
    try:
        config = json.loads(text)
        tasks = [(job, i) for job in ("chief", "worker") for i in range(len(config.get("cluster", {}).get(job, [])))]
        if not tasks:
            return None
        addresses = [config["cluster"][job][i] for job, i in tasks]
        for address in addresses:
            int(address.rpartition(":")[2])
        return Hosts(addresses, tasks.index((config["task"]["type"], int(config["task"]["index"]))))
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            "the variable TF_CONFIG does not say which machines there are and which this one is, as in "
            '\'{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}\''
            f" ({text[:200]})"
        ) from error


def await_all(hosts: Hosts) -> None:
    """Say that the others are waited for."""
    print(f"waiting until all hosts are there: {', '.join(hosts.addresses)}", file=sys.stderr, flush=True)


def apart(error: Exception) -> ValueError:
    """Return the error that says in one line why they do not come together."""
    return ValueError(f"the machines that TF_CONFIG names do not come together ({' '.join(str(error).split())[:300]})")


def lost(error: Exception) -> ValueError:
    """Return the error that says in one line that another host is gone, and what to do."""
    aborted = re.search(r"aborted by: (.*?)(\n|Additional|$)", str(error))
    reason = aborted[1] if aborted else str(error).strip().partition("\n")[0]
    return ValueError(
        f"another host was lost ({reason[:200].strip()}); run the same command again on all of them, and they go on "
        "from the last checkpoint"
    )


def leave_at_once() -> None:
    """End the process as after an error, without the libraries' farewell, which waits for all hosts."""
    sys.stdout.flush()
    os._exit(1)
