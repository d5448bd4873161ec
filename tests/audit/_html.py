"""A page taken apart by the standard library's parser."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Elements of a page, with their attributes and the text that stands in them.

    Attributes
    ----------
    elements : list of (str, dict)
    unclosed : list of str
        Tags that were opened and not closed, or closed in the wrong order.
    """

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.unclosed, self._open, self.text = [], [], [], ""
        self.comments = []
        self.feed(html)
        self.close()
        self.unclosed += self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unclosed.append(f"/{tag}")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.comments.append(data)

    def all(self, tag):
        """Give the attributes of all elements of a tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self):
        """Give all ids, with repetitions."""
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]
