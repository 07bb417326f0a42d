"""What a newsletter lacks, told when it is made or changed."""

from typing import TYPE_CHECKING

from digest.cli.output import note

if TYPE_CHECKING:
    from digest.actions.newsletters import NewsletterView
    from digest.core.model import Newsletter


def warn(view: "NewsletterView") -> None:
    """What a new newsletter still needs."""
    newsletter = view.newsletter
    if not newsletter.postal_address:
        note(
            "warning: no postal address: the law of the US, Germany and others demands one in each commercial mail",
            next_step=f'digest newsletter edit {newsletter.slug} --postal-address "…"',
        )
    warn_of_choices(newsletter)
    if newsletter.zone == "UTC":
        note(
            f"times of {newsletter.slug} are in UTC; for local ones: digest newsletter edit {newsletter.slug} --zone Europe/Berlin"
        )


def warn_of_choices(newsletter: "Newsletter") -> None:
    """What goes by clicks does nothing where nobody counts them, and a language says little without its words."""
    from digest.render.catalogues import speaks

    if strange := [tag for tag in (newsletter.language, *newsletter.languages) if not speaks(tag)]:
        said = f"warning: digest has no words in {' or '.join(strange)}: those round the posts will be English"
        note(said, next_step="docs/recipes/a-language.md tells how to add them")
    by_clicks = ["--test-subjects"] if newsletter.test_subjects else []
    by_clicks += ["--weight clicks"] if newsletter.weights.get("clicks") else []
    if by_clicks and not newsletter.measure_clicks:
        note(
            f"warning: {' and '.join(by_clicks)} does nothing: clicks are not counted",
            next_step=f"digest newsletter edit {newsletter.slug} --measure-clicks",
        )
