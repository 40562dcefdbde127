"""What the error codes of WhatsApp's Cloud API mean.

Facts: WhatsApp Cloud API, error codes (read May 2026). Codes that all products of the platform have are in
`meta.errors`.
"""

from convokit.transports.meta.errors import TEMPORARY, TOO_MANY, Codes

CODES = Codes(
    window=frozenset({(131047, None)}),
    too_many=TOO_MANY | {80007, 130429},
    too_many_here=frozenset({131056}),
    temporary=TEMPORARY | {131016, 131057},
    never_sent=frozenset({131000, 133004}),
    advice={
        (0, None): "the token is not valid (any more): make a new one and set WHATSAPP_TOKEN",
        (3, None): "the app lacks the permission whatsapp_business_messaging",
        (10, None): "the app lacks a permission for this",
        (100, None): "a parameter is wrong",
        (190, None): "the token is not valid (any more): make a new one and set WHATSAPP_TOKEN",
        (368, None): "the platform judged the account abusive and blocked it for a while: stop and look",
        (130472, None): "the person's number is part of an experiment of the platform: no marketing reaches it",
        (130497, None): "the account may not write to this country",
        (131008, None): "a parameter that is needed is missing",
        (131009, None): "a parameter's value is not allowed",
        (131021, None): "the business cannot write to itself",
        (131026, None): "the number is not on WhatsApp, has an old client, or has not accepted the terms",
        (131030, None): "the number is not among those that a test number may write to",
        (131031, None): "the account is locked: see the business manager",
        (131042, None): "the account cannot be billed: see its payment method",
        (131047, None): "more than 24 hours have passed since the customer wrote: send a template",
        (131049, None): "the platform held a marketing message back: do not try it again soon",
        (131050, None): "the person has stopped marketing messages",
        (131051, None): "this kind of message is not supported",
        (131052, None): "the file could not be downloaded from the platform",
        (131053, None): "the file could not be uploaded: look at its type and size",
        (131062, None): "this message needs the person's phone number, and only their user id is known",
        (132000, None): "the template takes another number of parameters",
        (132001, None): "there is no such template in this language, or it is not approved",
        (132005, None): "the template's text becomes too long with these parameters",
        (132007, None): "the template breaks a rule of the platform",
        (132008, None): "a parameter of the template is not allowed",
        (132012, None): "a parameter of the template has another type",
        (132015, None): "the template is paused, for people complained of it",
        (132016, None): "the template was disabled for good",
        (132068, None): "the flow is blocked",
    },
)
