"""``python -m delivery.reach NAME=URL ...``: whether each address answers; ends with 1 where one does not."""

import sys

import httpx

TIMEOUT_S = 5.0


def problem_of(url: str) -> str:
    """What is wrong with an address; nothing where it answers with a success, or asks who one is."""
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        return f"does not answer ({type(error).__name__})"
    is_fine = answer.is_success or answer.status_code == httpx.codes.UNAUTHORIZED
    return "" if is_fine else f"answered {answer.status_code}"


def main(argv: list[str]) -> int:
    """Print a line for each address; returns the exit code."""
    is_whole = True
    for each in argv:
        name, _, url = each.partition("=")
        problem = problem_of(url)
        is_whole = is_whole and not problem
        print(f"{'✗' if problem else '✓'} {name:12} {url} {problem}".rstrip())
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
