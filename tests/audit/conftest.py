"""Reports shared by tests that only read them."""

import pytest

from audit._cases import audit_of, linear_case, strange_case


@pytest.fixture(scope="session")
def report():
    """An audit of a linear model in a pipeline, with groups."""
    case = linear_case()
    return audit_of(case, name="linear").run(*case.parts, case.groups)


@pytest.fixture(scope="session")
def other_report():
    """Of a forest, on the same rows."""
    case = linear_case(forest=True)
    return audit_of(case, name="forest", membership=["loss", "lira"]).run(*case.parts, case.groups)


@pytest.fixture(scope="session")
def strange_report():
    """Of a model whose classes, groups, columns and own name are hostile."""
    case = strange_case()
    return audit_of(case, name='<script>alert("name")</script>').run(*case.parts, case.groups)
