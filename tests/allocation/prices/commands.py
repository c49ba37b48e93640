from io import StringIO

from django.core.management import call_command


def run(*words: object) -> list[str]:
    out = StringIO()
    call_command("prices", *[str(word) for word in words], stdout=out)
    return out.getvalue().splitlines()
