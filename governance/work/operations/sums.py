"""Adding to rows that may be there already."""


def added(*columns: str) -> str:
    """What an insertion into a table `AS known` sets where the key is there: each column plus what comes."""
    return ", ".join(f"{column} = known.{column} + EXCLUDED.{column}" for column in columns)
