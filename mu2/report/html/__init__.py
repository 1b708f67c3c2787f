"""The report as one HTML file: what it shows, packed; where it stands; the page around it."""
