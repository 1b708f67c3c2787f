"""A price list whose hours and money can be counted by hand."""

PRICES = {
    "format": 1,
    "currency": "EUR",
    "accelerators": [
        {
            "name": "chip",
            "peak": {"bfloat16": 2e9, "float32": 1e9},
            "utilisation": 0.5,
            "price": 36.0,
            "watts": 100,
            "kinds": ["cpu"],
            "source": "a test",
        },
        {
            "name": "own",
            "peak": {"bfloat16": 1e9, "float32": 1e9},
            "utilisation": 0.5,
            "price": None,
            "watts": None,
            "kinds": [],
            "source": "a test",
        },
    ],
}
