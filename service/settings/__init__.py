"""The only reader of environment and configuration file: `load_settings` gives one frozen `Settings` tree."""

from service.settings.load import Loaded, load_settings
from service.settings.report import describe
from service.settings.tree import (
    EngineSettings,
    LoggingSettings,
    ManagementSettings,
    ServerSettings,
    Settings,
    SimulationSettings,
    SupervisionSettings,
    TracingSettings,
)

__all__ = [
    "EngineSettings",
    "Loaded",
    "LoggingSettings",
    "ManagementSettings",
    "ServerSettings",
    "Settings",
    "SimulationSettings",
    "SupervisionSettings",
    "TracingSettings",
    "describe",
    "load_settings",
]
