"""`notifier sendgrid` and `notifier klaviyo`: what an account at the vendor needs, made through its API."""

import time
from collections.abc import Mapping
from typing import Annotated

import typer

from notifier.bootstrap import system_clock
from notifier.config import Settings, load
from notifier.domain.message import Kind
from notifier.errors import Misconfigured
from notifier.providers.base import Envelope
from notifier.providers.templates import NEVER_TOGETHER
from notifier.store_commands import sender_and_keys

sendgrid_app = typer.Typer(help="An account at SendGrid.", no_args_is_help=True)
klaviyo_app = typer.Typer(help="An account at Klaviyo.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would be made.")]
Sender = Annotated[
    str | None,
    typer.Option(
        help="Who emails come from, `Name <address>`; the store's, or NOTIFIER_SENDER, if left out."
    ),
]
OfStore = Annotated[
    str | None,
    typer.Option("--store", metavar="ID", help="At the account that this store has keys of its own to."),
]


@sendgrid_app.command("setup")
def sendgrid_setup(dry_run: DryRun = False, store: OfStore = None) -> None:
    """Make the dynamic templates for many emails in one request, and print what to set."""
    from notifier.providers.sendgrid import Sendgrid
    from notifier.providers.sendgrid.setup import set_up

    settings = load()
    if store is not None:
        _, keys = sender_and_keys(store, "sendgrid")
        sendgrid = Sendgrid(keys.get("api_key"), keys.get("base_url"), setting="keys.sendgrid.api_key")
    else:
        sendgrid = Sendgrid(settings.sendgrid_api_key.get_secret_value(), settings.sendgrid_base_url)
    pairs = []
    for step in set_up(
        sendgrid, [kind for kind in Kind if kind not in NEVER_TOGETHER], system_clock(), dry_run=dry_run
    ):
        typer.echo(f"{step.state:8}template of {step.kind} {step.template}".rstrip())
        pairs += [f"{step.kind}={step.template}"] if step.template else []
    sendgrid.close()
    if dry_run:
        typer.echo("Nothing was made: this was a dry run.")
        return
    chosen = " ".join(pairs)
    todo = (
        f"notifier store set {store} keys.sendgrid.templates='{chosen}'"
        if store is not None
        else f"SENDGRID_TEMPLATES={chosen}"
    )
    typer.echo(
        "\nSet this to send those kinds many in a request; leave out any that should go one by one:\n\n"
        f"{todo}\n\n"
        "Legal notices (delay, consent) go one in a request always: a lost answer leaves all of a request in doubt."
    )


@klaviyo_app.command("setup")
def klaviyo_setup(dry_run: DryRun = False, sender: Sender = None, store: OfStore = None) -> None:
    """Make metrics, pass-through templates and draft flows, and print what a person must still click."""
    from notifier.providers.klaviyo import Klaviyo
    from notifier.providers.klaviyo.setup import BY_HAND, Wanted, set_up

    settings = load()
    stores, key, setting = None, settings.klaviyo_api_key.get_secret_value(), "KLAVIYO_API_KEY"
    if store is not None:
        stores, keys = sender_and_keys(store, "klaviyo")
        key, setting = keys.get("api_key", ""), "keys.klaviyo.api_key"
    klaviyo = Klaviyo(key, settings.klaviyo_base_url, setting=setting)
    whose = sender or stores or settings.sender
    wanted = Wanted(whose, _examples(settings, whose))
    made = 0
    for step in set_up(klaviyo.api, wanted, system_clock, time.sleep, dry_run=dry_run):
        typer.echo(f"{step.state:8}{step.what} {step.ref}".rstrip())
        made += step.state == "made"
    klaviyo.close()
    if dry_run:
        typer.echo("Nothing was made: this was a dry run.")
        return
    typer.echo(f"\n{made} made. What only a person can do, in Klaviyo:")
    for number, task in enumerate(BY_HAND, 1):
        typer.echo(f"{number}. {task}")


def _examples(settings: Settings, sender: str) -> Mapping[str, Envelope]:
    """An email of each kind, about a sample order, to the sender's own address."""
    from notifier.providers.klaviyo.setup import example
    from notifier.providers.mime import Unmailable, mailbox
    from notifier.words.context import variables
    from notifier.words.render import Templates
    from notifier.words.samples import LINKS, NOW, SAMPLES, SHOP

    try:
        _, to = mailbox(sender, "sender")
    except Unmailable as error:
        raise Misconfigured(str(error)) from None
    templates = Templates(settings.templates_dir)
    found: dict[str, Envelope] = {}
    for kind in Kind:
        sample = next(it for it in SAMPLES if it.kind is kind)
        values = variables(sample.facts, kind, sample.says, sample.about, SHOP, LINKS, NOW, sample.law)
        email = templates.render(kind, values, sample.facts.customer.locale)
        found[kind.value] = example(kind.value, to, sender, values, email.subject, email.html, email.text)
    return found
