"""The dictionary says who may see what exactly as the rulebook's table does, cell by cell."""

from __future__ import annotations

from typing import Final, get_args

import pytest

from contracts.fields import FIELDS, Party
from contracts.registry import CONTRACTS

PARTIES: Final = get_args(Party)
SIGHTS: Final = {"●": {"full"}, "◐": {"masked", "hashed", "yes_no"}, "": {"denied"}}

# Copied from the rulebook by hand, with its own signs, and from nothing of ours.
RULEBOOK: Final = """
| Field                                                     | Class | O | M | T | I | P | B | X | C | E |
| vin model fuel_kind seats                                 | G2    | ● | ● | ● | ● | ● | ● | ● | ● | ● |
| engine_no motor_no                                        | G2    | ● | ● | ● | ● | ● | ◐ |   | ● | ● |
| displacement curb_mass mfg_date                           | G1    | ● | ● | ● | ● | ● |   | ● | ● | ● |
| coc_no coc_hash nev_catalogue                             | G1    | ● | ● | ● | ◐ | ● |   |   |   |   |
| ccc_no                                                    | G1    | ● | ● |   |   | ● |   | ● | ● | ● |
| invoice_no invoice_date                                   | G2    | ● |   | ● | ● | ● | ● |   |   |   |
| amount_incl amount_excl vat                               | G2    | ● |   | ● | ◐ |   | ● |   |   |   |
| buyer_name                                                | G3    | ● |   | ● | ● | ● | ● |   |   |   |
| buyer_id_type buyer_id_no                                 | G4    | ● |   | ● | ● | ● | ● |   |   |   |
| phone address                                             | G3    | ● |   | ◐ | ● | ● | ● |   |   |   |
| seller_uscc insurer_uscc lender_uscc                      | G1    | ● |   | ● | ● | ● | ● | ● | ● | ● |
| tax_full relief tax_payable tax_paid_at                   | G2    | ◐ |   | ● |   | ◐ | ◐ |   |   |   |
| policy_no start_date end_date premium vvt                 | G2    | ◐ |   | ◐ | ● | ◐ | ◐ |   |   |   |
| plate_no plate_kind                                       | G3    | ● |   |   | ● | ● | ● | ◐ |   |   |
| reg_cert_no reg_date                                      | G3    | ◐ |   |   | ◐ | ● | ● | ● |   | ● |
| loan_contract_no loan_amount account                      | G4    |   |   |   |   |   | ● |   |   |   |
| mortgage_state lender                                     | G3    | ◐ |   |   | ◐ | ● | ● | ◐ | ◐ | ◐ |
| violation accident seized                                 | G3    |   |   |   | ◐ | ● |   | ◐ | ◐ |   |
| odometer first_reg_date                                   | G2    | ● |   |   | ● | ● | ● | ● |   | ● |
| licence_no licence_qty licence_used licence_expiry        | G2    | ◐ |   |   |   | ◐ |   | ● | ● | ● |
| asc_letter_hash destination                               | G2    | ◐ |   |   |   | ◐ |   | ● | ● | ● |
| decl_no decl_date                                         | G2    |   |   | ● |   | ● |   | ● | ● | ● |
"""


def _rows() -> dict[str, tuple[str, dict[str, set[str]]]]:
    head, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in RULEBOOK.strip().splitlines())
    return {
        name: (grade, {party: SIGHTS[sign] for party, sign in zip(head[2:], signs, strict=True)})
        for names, grade, *signs in lines
        for name in names.split()
    }


ROWS: Final = _rows()


def test_the_table_has_a_column_for_every_party() -> None:
    """No party is compared with nothing."""
    assert {tuple(sights) for _, sights in ROWS.values()} == {PARTIES}


def test_the_dictionary_has_every_field_of_the_table() -> None:
    """Those that no message carries yet included."""
    assert set(ROWS) <= set(FIELDS)


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("name", ROWS)
def test_a_cell_is_the_rulebooks(name: str, party: Party) -> None:
    """● is full, ◐ is masked, hashed or yes and no, a blank is denied."""
    assert FIELDS[name].seen_by(party) in ROWS[name][1][party]


@pytest.mark.parametrize("name", ROWS)
def test_a_class_is_the_rulebooks(name: str) -> None:
    """G1 to G4, as the table has it."""
    assert FIELDS[name].grade == ROWS[name][0]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_police_get_the_loan_contract_number_only_to_register_a_mortgage(contract: str) -> None:
    """In full inside the application, and not at all in any other message."""
    allowed = contract == "mortgage.register"
    assert FIELDS["loan_contract_no"].seen_by("P", contract) == ("full" if allowed else "denied")


def test_miit_never_receives_what_is_personal() -> None:
    """No field of a person, in no message."""
    assert {field.seen_by("M", name) for field in FIELDS.values() if field.personal for name in CONTRACTS} == {"denied"}
