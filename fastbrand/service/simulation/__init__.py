"""A programme year in minutes: sellers whose facts evolve, people who decide, the real server, and what must hold."""

from fastbrand.service.simulation.running import Simulation, simulate

__all__ = ["Simulation", "simulate"]
