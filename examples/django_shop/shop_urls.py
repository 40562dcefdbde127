"""The shop's own addresses."""

# --8<-- [start:view]
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path

from convokit import ConversationId


async def shipped(request: HttpRequest, order: str) -> JsonResponse:
    engine = request.scope["state"]["convokit"]["shop"]
    where = ConversationId("web", request.GET["conversation"])
    await engine.signal("order.shipped", to=where, data={"order": order}, id=f"shipped:{order}")
    return JsonResponse({"told": order})


urlpatterns: list[Any] = [path("orders/<order>/shipped", shipped)]
# --8<-- [end:view]
