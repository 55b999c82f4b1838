"""From a runbook's Markdown to HTML that can be shown as it is."""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_?=&.-]*")


def to_html(markdown: str) -> str:
    """Render Markdown. HTML in it is shown as text, links lead nowhere but into the portal, pictures are text."""
    return str(
        _Reader("commonmark", {"html": False}, renderer_cls=_Renderer).disable("image").render(markdown)
    )


class _Reader(MarkdownIt):
    """A reader for which an address outside the portal is no link."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        return _OWN_PATH.fullmatch(url) is not None


class _Renderer(RendererHTML):
    """Code reads from left to right, also inside Persian."""

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        del options, env
        return f'<code dir="ltr">{escapeHtml(tokens[idx].content)}</code>'

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        del options, env
        return f'<pre dir="ltr"><code>{escapeHtml(tokens[idx].content)}</code></pre>\n'

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self.code_block(tokens, idx, options, env)
