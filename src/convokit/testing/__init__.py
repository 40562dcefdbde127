"""The testing kit: chats as tests, with virtual time, and the suites with which plugins prove themselves."""

from convokit.testing.simulation import Heard, Operator, Person, Simulation, VirtualClock

__all__ = ["Heard", "Operator", "Person", "Simulation", "VirtualClock"]
