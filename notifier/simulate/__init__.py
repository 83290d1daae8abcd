"""Plays a dated story through the real engine on a virtual clock: what would the customer get, and when?"""

from notifier.simulate.stage import Line, Recorder, Stage, VirtualClock
from notifier.simulate.story import (
    Event,
    Numbered,
    Scenario,
    ScenarioError,
    ScenarioStore,
    parse_scenario,
    read_events,
    read_scenario,
)

__all__ = [
    "Event",
    "Line",
    "Numbered",
    "Recorder",
    "Scenario",
    "ScenarioError",
    "ScenarioStore",
    "Stage",
    "VirtualClock",
    "parse_scenario",
    "read_events",
    "read_scenario",
]
