"""Variants that end the process which supervises them, as the loss of a machine does."""

import os
import time
from pathlib import Path

import psutil
from torch import nn

from rnnbench import variant


class Cell(nn.Module):
    def __init__(self, size, act):
        super().__init__()
        self.layer = nn.Linear(size, size)
        self.act = act

    def forward(self, x):
        self.act()
        return self.layer(x)


def kill_station():
    """The parent of the fork server: what Ray calls a worker."""
    server = psutil.Process().parent()
    server.parent().kill()
    time.sleep(60)


def kill_station_once():
    flag = Path(os.environ["RNNBENCH_TEST_HOME"], "killed")
    if not flag.exists():
        flag.touch()
        kill_station()


def raise_error():
    print("what it printed")
    raise KeyError("no such key")


def named(name, act):
    variant(source="here", name=name)(lambda case: Cell(case.input_size, act))


named("good", lambda: None)
named("slow", lambda: time.sleep(0.2))
named("raises", raise_error)
named("loses_its_machine", kill_station)
named("loses_its_machine_once", kill_station_once)
