"""Random histories of payments against the real stand-in and a real database, and what must hold after every step."""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backend.invoices.types import InvoiceId
from backend.payments import service
from backend.payments.types import HandOff
from backend.sandbox.zibal import codes
from tests.integration.payments.payer import SWEEPER, Payer, callback_of, let_time_pass, track_of
from tests.soak import truths
from tests.soak.world import MERCHANT, OTHER_MERCHANT, World, at_once, dying, tolerant

FLOOR_RIAL, CEILING_RIAL = 10_000, 200_000
# How many sessions a night prepares: fewer than there are invoices.
PREPARED = 2
SESSION_LIFE_S = 20 * 60
AMOUNTS = (4_000, 9_999, 10_000, 50_000, 120_000, 200_000, 205_000, 650_001)
TROUBLE = ("drop", "http_error", "html")
# Seconds that let others overtake, and cost a history next to nothing.
DELAY_S = 0.02
LIES: tuple[tuple[str, Any], ...] = (
    ("wrong_amount", None),
    ("swapped_order", None),
    ("without", ["amount"]),
    ("without", ["orderId"]),
    ("without", ["status"]),
    ("status", -1),
    ("status", 3),
    ("status", 11),
    ("status", 77),
    ("result", 202),
    ("result", 203),
    ("result", 999),
)
UNPAID_STATUSES = (*codes.FAILURES, 3, 13, 77)
FATES = ("kept", "reverse", "refunding", "withdrawn", "withdrawn")
MINUTES = (1.1, 3, 6, 16, 45, 90, 1500)
MINUTES_BACK = (2, 90, 3000)


payer_numbers = st.integers(0, 1)
LUCK = st.one_of(
    st.fixed_dictionaries(
        {
            "point": st.sampled_from(["request", "verify", "inquiry"]),
            "kind": st.sampled_from(TROUBLE),
            "after": st.booleans(),
            "times": st.sampled_from([1, 3]),
        }
    ).map(lambda options: ("fault", options)),
    st.tuples(st.sampled_from(["verify", "inquiry"]), st.sampled_from(LIES), st.integers(1, 2)).map(
        lambda lie: ("fault", {"point": lie[0], "kind": lie[1][0], "value": lie[1][1], "times": lie[2]})
    ),
    st.fixed_dictionaries(
        {
            "point": st.sampled_from(["request", "verify", "inquiry"]),
            "kind": st.just("delay"),
            "value": st.just(DELAY_S),
            "after": st.booleans(),
            "times": st.just(2),
        }
    ).map(lambda options: ("fault", options)),
    st.sampled_from([103, 105, 113, 115, 999]).map(
        lambda code: ("fault", {"point": "request", "kind": "result", "value": code, "times": 1})
    ),
    st.just(("behaviour", {"auto_reverse_s": 900})),
    st.just(("behaviour", {"omits_unpaid_fields": True})),
    st.just(("heal", {})),
)


class PaymentHistories(RuleBasedStateMachine):
    """Two tenants, their browsers, the bank, the operators, the sweeper, and bad luck."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.world.forget()
        self.bank = self.world.bank
        self.hand_offs: list[tuple[Payer, HandOff]] = []
        self.invoices: list[list[Any]] = [[], []]
        self.written: object = None

    @initialize(amounts=st.lists(st.sampled_from(AMOUNTS), min_size=2, max_size=4), has_credit=st.booleans())
    def begin(self, amounts: list[int], *, has_credit: bool) -> None:
        if has_credit:
            self._pay_twice(0)
        for number in (0, 1):
            for amount in amounts:
                self._new_invoice(number, amount)

    @rule(number=payer_numbers, chosen=st.sets(st.integers(0, 3), max_size=3))
    def start(self, number: int, chosen: set[int]) -> None:
        self._start(number, chosen)

    @rule(number=payer_numbers, chosen=st.sets(st.integers(0, 3), max_size=2), times=st.integers(2, 3))
    def click_in_several_tabs(self, number: int, chosen: set[int], times: int) -> None:
        at_once([lambda: self._start(number, chosen)] * times)

    def _start(self, number: int, chosen: set[int]) -> None:
        payer, own = self.world.payers[number], self.invoices[number]
        ids = [own[each] for each in sorted(chosen) if each < len(own)]
        self._click(payer, *ids)

    def _click(self, payer: Payer, *invoice_ids: InvoiceId) -> HandOff | None:
        hand_off: HandOff | None = tolerant(lambda: payer.start(*invoice_ids))
        if hand_off is not None:
            self.hand_offs.append((payer, hand_off))
            # Every other browser is led on to the bank at once; the others stay on our page.
            if len(self.hand_offs) % 2:
                tolerant(lambda: service.leave_for_bank(payer.actor, hand_off.attempt_id))
        return hand_off

    def _new_invoice(self, number: int, amount_rial: int) -> InvoiceId:
        invoice_id = self.world.payers[number].invoice(amount_rial)
        self.invoices[number].append(invoice_id)
        return invoice_id

    @rule(
        number=payer_numbers,
        chosen=st.sets(st.integers(0, 3), max_size=3),
        luck=st.none() | LUCK,
        comes_back=st.booleans(),
    )
    def start_and_pay(
        self, number: int, chosen: set[int], luck: tuple[str, dict[str, Any]] | None, comes_back: bool
    ) -> None:
        before = len(self.hand_offs)
        self._start(number, chosen)
        if luck is not None:
            self.have_bad_luck(luck)
        if len(self.hand_offs) > before:
            self.pay(-1, comes_back)

    @rule(number=payer_numbers, chosen=st.integers(0, 3), back=st.sets(st.integers(1, 2)))
    def pay_in_an_old_tab_and_a_new_one(self, number: int, chosen: int, back: set[int]) -> None:
        """Sixteen minutes lie between the two clicks, and the bank lets both be paid."""
        before = len(self.hand_offs)
        self._start(number, {chosen})
        let_time_pass(self.bank, minutes=16)
        self._start(number, {chosen})
        for nth in range(1, len(self.hand_offs) - before + 1):
            self.pay(-nth, nth in back)

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99), comes_back=st.booleans())
    def pay(self, pick: int, comes_back: bool) -> None:
        _, hand_off = self._picked(pick)
        session = self.bank.session(track_of(hand_off))
        if session["status"] == codes.WAITING and self._is_alive(session):
            self.bank.pay(session["track_id"])
        if comes_back:
            self._come_back(pick, 1)

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99), finds_out=st.booleans(), comes_back=st.booleans())
    def be_declined_and_pay_with_another_card(self, pick: int, finds_out: bool, comes_back: bool) -> None:
        """Whether a declined session may still be paid is documented nowhere, so it may."""
        track_id = track_of(self._picked(pick)[1])
        session = self.bank.session(track_id)
        age = self.bank._ask("GET", "/clock")["now"] - session["created_at"]
        if session["status"] == codes.WAITING:
            self.bank.fail(track_id, 5)
        if finds_out:
            self._come_back(pick, 1)
        if self.bank.session(track_id)["status"] == 5 and age < SESSION_LIFE_S:
            self.bank.pay(track_id)
        if comes_back:
            self._come_back(pick, 1)

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99), status=st.sampled_from(UNPAID_STATUSES), comes_back=st.booleans())
    def fail(self, pick: int, status: int, comes_back: bool) -> None:
        _, hand_off = self._picked(pick)
        session = self.bank.session(track_of(hand_off))
        if session["status"] == codes.WAITING and self._is_alive(session):
            self.bank.act(session["track_id"], "status", status=status)
        if comes_back:
            self._come_back(pick, 1)

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99), times=st.integers(1, 3))
    def come_back(self, pick: int, times: int) -> None:
        self._come_back(pick, times)

    def _come_back(self, pick: int, times: int) -> None:
        payer, hand_off = self._picked(pick)
        parameters = callback_of(self.bank, track_of(hand_off))
        at_once([lambda: tolerant(lambda: service.callback(payer.actor, parameters))] * times)

    @precondition(lambda self: self.hand_offs)
    @rule(
        pick=st.integers(0, 99),
        other=st.integers(0, 99),
        extra=st.sampled_from(["", "twice", "order", "junk"]),
    )
    def forge_a_callback(self, pick: int, other: int, extra: str) -> None:
        _, hand_off = self._picked(pick)
        _, another = self._picked(other)
        parameters = [
            ("n", "made-up"),
            ("trackId", str(track_of(hand_off))),
            ("success", "1"),
            ("status", "2"),
        ]
        if extra == "twice":
            parameters.append(("trackId", str(track_of(another))))
        if extra == "order":
            parameters.append(("orderId", self.bank.session(track_of(another))["order_id"]))
        if extra == "junk":
            parameters[1] = ("trackId", "۱۲" * 30)
        tolerant(lambda: service.callback(None, parameters))

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99), act=st.sampled_from(["refund", "refunding", "reverse", "withdraw"]))
    def give_money_back(self, pick: int, act: str) -> None:
        track_id = track_of(self._picked(pick)[1])
        session = self.bank.session(track_id)
        status = session["status"]
        if act == "withdraw":
            if status == codes.REFUNDING and session["verified_at"]:
                self.bank.act(track_id, "status", status=codes.VERIFIED)
        elif status in {codes.VERIFIED, codes.PAID, codes.REFUNDING}:
            self.bank.act(track_id, act)

    @rule(luck=LUCK)
    def have_bad_luck(self, luck: tuple[str, dict[str, Any]]) -> None:
        what, options = luck
        if what == "fault":
            self.bank.fault(**options)
        elif what == "behaviour":
            self.bank.behave(**options)
        else:
            self.bank.heal()

    @rule(minutes=st.sampled_from(MINUTES), then_sweep=st.booleans())
    def let_time_pass(self, minutes: float, then_sweep: bool) -> None:
        let_time_pass(self.bank, minutes=minutes)
        if then_sweep:
            assert service.sweep(SWEEPER).failed == 0

    @rule(minutes=st.sampled_from(MINUTES_BACK), then_sweep=st.booleans())
    def set_our_clock_back(self, minutes: float, then_sweep: bool) -> None:
        let_time_pass(None, minutes=-minutes)
        if then_sweep:
            assert service.sweep(SWEEPER).failed == 0

    @rule(number=payer_numbers)
    def use_credit(self, number: int) -> None:
        tolerant(lambda: service.use_credit(self.world.payers[number].actor))

    def _pay_twice(self, number: int) -> HandOff:
        """Pay a new invoice in an old tab and a new one; the payment that became credit."""
        self._have_good_luck()
        payer, invoice_id = self.world.payers[number], self._new_invoice(number, 50_000)
        clicks = [self._click(payer, invoice_id)]
        let_time_pass(self.bank, minutes=16)
        clicks.append(self._click(payer, invoice_id))
        first, second = [each for each in clicks if each is not None]
        for hand_off in (second, first):
            payer.pay(hand_off)
            payer.come_back(hand_off)
        return first

    @rule(number=payer_numbers, asks=st.sampled_from(AMOUNTS), fate=st.sampled_from(FATES))
    def pay_twice_and_spend_the_surplus(self, number: int, asks: int, fate: str) -> None:
        """A surplus for sure, an invoice that its credit pays, and perhaps the bank takes the surplus back."""
        payer, surplus = self.world.payers[number], self._pay_twice(number)
        self._new_invoice(number, asks)
        service.use_credit(payer.actor)
        if fate == "kept":
            return
        payer.take_back(surplus, "refunding" if fate == "withdrawn" else fate)
        if fate == "withdrawn":
            self.bank.act(track_of(surplus), "status", status=codes.VERIFIED)
            service.reconcile(SWEEPER, surplus.attempt_id)

    @rule(
        number=payer_numbers, hours=st.sampled_from([0, 7, 25]), clicks=st.integers(0, 2), pays=st.booleans()
    )
    def prepare_and_click(self, number: int, hours: int, clicks: int, pays: bool) -> None:
        """The night prepares the youngest invoices first, so this one is among them."""
        invoice_id = self._new_invoice(number, 50_000)
        service.open_sessions(SWEEPER)
        if hours:
            let_time_pass(self.bank, hours=hours)
        hand_offs = [self._click(self.world.payers[number], invoice_id) for _ in range(clicks)]
        if pays and any(hand_offs):
            self.pay(-1, comes_back=True)

    @rule(code=st.sampled_from([MERCHANT, OTHER_MERCHANT]))
    def rotate_the_merchant(self, code: str) -> None:
        self.world.use_merchant(code)

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99), number=payer_numbers, finds_out=st.booleans())
    def use_credit_and_lose_it(self, pick: int, number: int, finds_out: bool) -> None:
        tolerant(lambda: service.use_credit(self.world.payers[number].actor))
        self.give_money_back(pick, "reverse")
        if finds_out:
            self.check_again(pick)

    @rule(number=payer_numbers, share=st.sampled_from([0.5, 1.0, 1.1]), key=st.sampled_from("ab"))
    def pay_credit_out(self, number: int, share: float, key: str) -> None:
        payer = self.world.payers[number]
        amount = int(payer.credit() * share)
        tolerant(lambda: service.pay_out_credit(self.world.operator, payer.tenant.id, amount, "soak", key))

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99))
    def resolve(self, pick: int) -> None:
        _, hand_off = self._picked(pick)
        tolerant(lambda: service.resolve(self.world.operator, hand_off.attempt_id, "soak"))

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99), pays=st.booleans())
    def close_the_case_of_what_is_unclear(self, pick: int, pays: bool) -> None:
        """The payer may still be at the bank, and pay."""
        session = self.bank.session(track_of(self._picked(pick)[1]))
        if session["status"] != codes.WAITING or not self._is_alive(session):
            return
        self.bank.act(session["track_id"], "status", status=77)
        self.check_again(pick)
        self.resolve(pick)
        if pays:
            self.bank.pay(session["track_id"])

    @precondition(lambda self: self.hand_offs)
    @rule(pick=st.integers(0, 99))
    def check_again(self, pick: int) -> None:
        _, hand_off = self._picked(pick)
        tolerant(lambda: service.check_again(self.world.operator, hand_off.attempt_id))

    @rule(
        what=st.sampled_from(["start", "come_back", "sweep", "use_credit", "resolve", "check_again"]),
        number=payer_numbers,
        pick=st.integers(0, 99),
        moment=st.sampled_from(["begin", "commit"]),
        at=st.integers(1, 8),
    )
    def die_in_the_middle(self, what: str, number: int, pick: int, moment: str, at: int) -> None:
        with dying(moment, at):
            if what == "start":
                self._start(number, {pick % 4})
            elif what == "come_back" and self.hand_offs:
                self._come_back(pick, 1)
            elif what == "sweep":
                service.sweep(SWEEPER)
            elif what == "use_credit":
                tolerant(lambda: service.use_credit(self.world.payers[number].actor))
            elif what == "resolve" and self.hand_offs:
                self.resolve(pick)
            elif what == "check_again" and self.hand_offs:
                self.check_again(pick)

    @invariant()
    def the_books_are_right(self) -> None:
        """Looked at only after a step that wrote something."""
        written = truths.footprint()
        if written == self.written:
            return
        self.written = written
        assert truths.book_errors() == []
        assert truths.money_without_proof(self.bank) == []

    @rule(number=payer_numbers)
    def look_at_the_page(self, number: int) -> None:
        payer = self.world.payers[number]
        assert truths.preview_errors(payer.tenant.id, service.preview(payer.actor)) == []

    def teardown(self) -> None:
        """Once the line is whole again and time has passed, the books say what the bank says."""
        self._have_good_luck()
        for _ in range(2):
            let_time_pass(None, hours=800)
            assert service.sweep(SWEEPER).failed == 0
        assert truths.book_errors() == []
        for number in (0, 1):
            self.look_at_the_page(number)
        self.world.seen.update(truths.told() | {"clicks": len(self.hand_offs)})
        assert truths.disagreements(self.bank, service.undecided(self.world.operator)) == []

    def _have_good_luck(self) -> None:
        self.bank.heal()
        self.bank.behave(auto_reverse_s=None)

    def _is_alive(self, session: dict[str, Any]) -> bool:
        """Whether the bank still shows its page: nobody pays or fails in a session that is over."""
        return bool(self.bank._ask("GET", "/clock")["now"] - session["created_at"] < SESSION_LIFE_S)

    def _picked(self, pick: int) -> tuple[Payer, HandOff]:
        return self.hand_offs[pick % len(self.hand_offs)]
