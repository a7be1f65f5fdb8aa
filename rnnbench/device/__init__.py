"""What a machine is and can do: devices, number formats, ceilings, clocks and energy, limits, fitness to measure."""
