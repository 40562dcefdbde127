"""What the error codes of Instagram's messaging API mean.

Facts: Messenger Platform, common error codes (read March 2026); Instagram Platform, private replies (read June 2026).
"""

from convokit.transports.meta.errors import Codes

CODES = Codes(
    window=frozenset({(10, 2018278), (10, 2534022)}),
    advice={
        (10, 2018300): "another app has the conversation: take the thread first",
        (10, None): "the app lacks a permission for this, or the platform's rules forbid it now",
        (100, 2018001): "there is no such person for this account: ids of people are made for one account only",
        (100, None): "a parameter is wrong",
        (190, None): "the token is not valid (any more): make a new one and set INSTAGRAM_TOKEN",
        (200, None): "the app may not write to this person: see its messaging permission, and its access level",
        (230, None): "the app lacks the permission to manage the account's messages",
        (368, None): "the platform judged the account's messages abusive and blocked it for a while: stop and look",
        (551, None): "the person is not available: they blocked the account or left",
        (10900, None): "this comment was answered already: it takes one private reply",
        (10903, None): "the account cannot reply to this",
    },
)
