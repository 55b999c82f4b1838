"""The parts of an image's name. https://github.com/distribution/reference: a tag follows the last slash."""

from backend.deploys.types import Image


def parse_image(text: str) -> Image:
    """``registry:5000/docuchat:2.14.3@sha256:…`` by its parts; what has neither tag nor digest has neither here."""
    rest, _, digest = text.partition("@")
    slash = rest.rfind("/")
    colon = rest.rfind(":")
    if colon > slash:
        return Image(repository=rest[:colon], tag=rest[colon + 1 :], digest=digest)
    return Image(repository=rest, digest=digest)


def digest_in(image_id: str) -> str:
    """The digest in a container's image id, which runtimes write as ``docker-pullable://name@sha256:…`` or bare."""
    _, _, digest = image_id.rpartition("@")
    return digest if digest.startswith("sha256:") else ""
