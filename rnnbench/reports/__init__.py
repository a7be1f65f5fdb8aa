"""From statistics to one HTML file that opens from disk. Rendering never computes, and no network is ever asked."""
