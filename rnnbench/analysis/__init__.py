"""From records to statistics: pandas frames, intervals and fits. Knows nothing of torch, nor of how anything is drawn."""
