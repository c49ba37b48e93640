from io import StringIO

from django.core.management import call_command


def run(*words: str) -> str:
    out = StringIO()
    call_command("guardrails", *words, stdout=out, stderr=out)
    return out.getvalue()
