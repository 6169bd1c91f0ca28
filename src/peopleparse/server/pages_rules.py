"""Rules as a page: a small part of Markdown, and nothing of HTML.

All text is escaped first; what follows only adds elements of its own.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_CODE = re.compile(r"(`[^`]+`)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_LINK = re.compile(r"\[([^\[\]]+)\]\((https?://[^\s()<>*]+)\)")
_ITEM = re.compile(r"(?:[-*]|\d{1,3}[.)])\s+(.*)")
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_TABLE_RULE = re.compile(r"\|?[\s:|-]+\|?$")


def render_rules(text: str) -> Markup:
    """Return headings, paragraphs, lists, tables, code, bold words and links of a text.

    Headings become the third and fourth level: the page has the two above.

    >>> render_rules("Use **no** <b>")
    Markup('<p>Use <strong>no</strong> &lt;b&gt;</p>')
    """
    lines = text.replace("\r\n", "\n").replace("\0", "").expandtabs(4).split("\n")
    parts: list[str] = []
    while lines:
        line = lines[0].strip()
        if not line:
            lines.pop(0)
        elif line.startswith("```"):
            parts.append(_take_code(lines))
        elif heading := _HEADING.match(line):
            lines.pop(0)
            # No level is left out, whatever the text does.
            seen = any(part.startswith("<h3") for part in parts)
            level = 4 if len(heading[1]) > 2 and seen else 3
            parts.append(f"<h{level}>{_inline(heading[2])}</h{level}>")
        elif line.startswith("|") and len(lines) > 1 and _TABLE_RULE.match(lines[1].strip()):
            parts.append(_take_table(lines))
        elif _ITEM.match(line):
            parts.append(_take_list(lines))
        else:
            parts.append(f"<p>{_inline(' '.join(_take_paragraph(lines)))}</p>")
    return Markup("\n".join(parts))


def _inline(text: str) -> str:
    done = []
    for part in _CODE.split(text):
        safe = str(escape(part))
        if len(part) > 2 and part.startswith("`") and part.endswith("`"):
            done.append(f"<code>{safe[1:-1]}</code>")
            continue
        # Escaping left no mark that could end the attribute.
        safe = _LINK.sub(r'<a href="\2" rel="nofollow noopener">\1</a>', safe)
        done.append(_BOLD.sub(r"<strong>\1</strong>", safe))
    return "".join(done)


def _take_code(lines: list[str]) -> str:
    lines.pop(0)
    body = []
    while lines:
        line = lines.pop(0)
        if line.strip().startswith("```"):
            break
        body.append(line)
    return f'<pre tabindex="0"><code>{escape(chr(10).join(body))}</code></pre>'


def _take_list(lines: list[str]) -> str:
    kind = "ol" if lines[0].lstrip()[0].isdigit() else "ul"
    items: list[list[str]] = []
    while lines and lines[0].strip():
        line = lines[0]
        item = _ITEM.match(line.strip())
        if item:
            items.append([item[1]])
        elif line.startswith(" "):
            items[-1].append(line.strip())
        else:
            break
        lines.pop(0)
    inside = "".join(f"<li>{_inline(' '.join(item))}</li>" for item in items)
    return f"<{kind}>{inside}</{kind}>"


def _take_table(lines: list[str]) -> str:
    head = _cells(lines.pop(0))
    lines.pop(0)
    rows = []
    while lines and lines[0].strip().startswith("|"):
        rows.append(_cells(lines.pop(0)))
    top = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row[: len(head)])}</tr>"
        for row in rows
    )
    return (
        f'<div class="box" tabindex="0" role="region" aria-label="Table"><table><thead><tr>{top}'
        f"</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _take_paragraph(lines: list[str]) -> list[str]:
    taken = [lines.pop(0).strip()]
    while lines and lines[0].strip():
        line = lines[0].strip()
        if _ITEM.match(line) or _HEADING.match(line) or line.startswith(("```", "|")):
            break
        taken.append(lines.pop(0).strip())
    return taken
