"""Simulated customers: personas who talk with a bot until something is wrong, and the shortest chat that shows it."""

from convokit.testing.personas.acts import Act
from convokit.testing.personas.answering import Sight, sensible
from convokit.testing.personas.people import EVERYBODY, Persona
from convokit.testing.personas.wandering import CustomersFailed, Wandered, check_with_customers, wander

__all__ = [
    "EVERYBODY",
    "Act",
    "CustomersFailed",
    "Persona",
    "Sight",
    "Wandered",
    "check_with_customers",
    "sensible",
    "wander",
]
