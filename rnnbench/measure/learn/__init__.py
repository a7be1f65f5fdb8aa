"""Training to a target: the network with its head, the training step, distillation, and what a training is recorded as."""
