"""Whatever the audit trail tells of is found in it by its id alone, and what has a page of its own is a link."""

from uuid import UUID

from backend.audit.search_rules import targets
from portal import routes
from portal.audit_words import target_url
from tests.guards import rules

ID = str(UUID(int=7))
# Each kind whose things have no page, and no place on one that an address could name.
WITHOUT_PAGE = {
    "audit": "it is the page of the entry",
    "price_list": "all of them stand on one page",
    "run_input": "the run that used it has a page",
    "silence": "all of them stand on one page",
    "tax_rate": "all of them stand on one page",
    "tenants": "several, and each has an own page",
    "user": "staff have no page, and the people of a company stand on that of the company",
}


def test_every_kind_that_is_recorded_is_found_by_an_id_alone() -> None:
    found = {target.partition(":")[0] for target in targets(ID)}

    assert rules.audited_targets() - {"tenants"} - found == set()


def test_entries_of_several_companies_are_found_by_what_they_are_stored_as() -> None:
    assert "tenants" in targets("tenants")


def test_every_kind_that_has_a_page_is_a_link() -> None:
    linked = {kind for kind in rules.audited_targets() if target_url(f"{kind}:{ID}")}

    assert linked == rules.audited_targets() - WITHOUT_PAGE.keys()
    assert target_url(f"run:{ID}") == routes.run(ID)
