"""A shop whose runs are watched: figures for Prometheus, traces for OpenTelemetry, and a watch of its own."""

import logging
import os

# --8<-- [start:figures]
from convokit import Bot, Turn
from convokit.skills import OpenTelemetry, Prometheus

bot = Bot("watched-shop")
figures = Prometheus(token=os.environ.get("METRICS_TOKEN"))
bot.observe(figures)
# --8<-- [end:figures]


@bot.text("opening hours")
async def opening_hours(turn: Turn) -> None:
    turn.reply("From nine to six.")


# --8<-- [start:traces]
bot.observe(OpenTelemetry())
# --8<-- [end:traces]

# --8<-- [start:own]
from convokit.abc import Observer, Step  # noqa: E402  the page shows it with what it is for

log = logging.getLogger("shop")


class Slow(Observer):
    """Tells of what customers had to wait for."""

    def told(self, step: Step) -> None:
        """Log a slow handler, and a platform that did not answer at once."""
        if step.name in {"handle", "deliver"} and step.took > 2:
            log.warning("%s took %.1f s: %s %s", step.name, step.took, step.handler or step.channel, step.outcome)


bot.observe(Slow())
# --8<-- [end:own]


# --8<-- [start:route]
from fastapi import FastAPI, Response  # noqa: E402  the page shows it with what it is for

app = FastAPI(lifespan=bot.lifespan)


@app.get("/internal/figures")
async def for_prometheus() -> Response:
    return Response(await figures.metrics(), media_type="text/plain; version=0.0.4")


# --8<-- [end:route]
