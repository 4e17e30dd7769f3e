"""What a template says outside its blocks is said by nobody, once it extends another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Engine
from django.template.base import Node, TextNode
from django.template.defaulttags import CommentNode, LoadNode
from django.template.loader_tags import BlockNode, ExtendsNode

FOLDER = Path(settings.BASE_DIR) / "templates"
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))


def outside_blocks(name: str) -> Iterator[Node]:
    for node in Engine.get_default().get_template(name).nodelist:
        if isinstance(node, ExtendsNode):
            yield from node.nodelist


@pytest.mark.parametrize("name", NAMES)
def test_nothing_stands_where_it_is_never_run(name: str) -> None:
    lost = [
        node
        for node in outside_blocks(name)
        if not isinstance(node, BlockNode | CommentNode | LoadNode)
        and not (isinstance(node, TextNode) and not node.s.strip())
    ]
    assert lost == []
