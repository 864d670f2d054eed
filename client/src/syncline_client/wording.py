"""The words that the commands speak, by language; and the words of others, made harmless for a terminal.

Statuses and priorities have their words in the protocol (`documents/labels.py`), because the server speaks them too.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final

from rich.markup import escape
from syncline_protocol.clock import at_ms
from syncline_protocol.documents.labels import Labels, label, spoken
from syncline_protocol.documents.messages import Message

JOINER: Final = "\u200d"
"""Joins emoji into one; of the characters that do not print, the only one that is let through."""

STEP_EVENT: Final = "ticket_step"
"""The event of the system message that tells of a ticket's step: its number, status and who is responsible."""

TEXTS: Final[Mapping[str, Labels]] = {
    # what a ticket consists of
    "ticket": {"zh": "工单", "en": "Ticket"},
    "number": {"zh": "编号", "en": "No."},
    "status": {"zh": "状态", "en": "Status"},
    "priority": {"zh": "优先级", "en": "Priority"},
    "subject": {"zh": "主题", "en": "Subject"},
    "issue_type": {"zh": "问题类型", "en": "Issue type"},
    "assignee": {"zh": "负责人", "en": "Assigned to"},
    "group": {"zh": "小组", "en": "Group"},
    "customer": {"zh": "客户", "en": "Customer"},
    "conversation": {"zh": "会话", "en": "Conversation"},
    "opened": {"zh": "开单", "en": "Opened"},
    "fields": {"zh": "字段", "en": "Fields"},
    "missing": {"zh": "尚缺", "en": "Missing"},
    "notes": {"zh": "内部备注", "en": "Notes"},
    "links": {"zh": "关联", "en": "Links"},
    "checklist": {"zh": "清单", "en": "Checklist"},
    "resolutions": {"zh": "处理结果", "en": "Resolutions"},
    "watchers": {"zh": "关注者", "en": "Watching"},
    "satisfaction": {"zh": "满意度", "en": "Satisfaction"},
    "merged_into": {"zh": "已并入", "en": "Merged into"},
    "expected_by": {"zh": "预计完成", "en": "Expected by"},
    "timeline": {"zh": "进展", "en": "Progress"},
    # what is said of it
    "nobody": {"zh": "无人", "en": "nobody"},
    "also_said": {"zh": "{value}（{by}，…{ending}）", "en": "{value} ({by}, …{ending})"},
    "erased": {"zh": "（已删除）", "en": "(erased)"},
    "claim_provisional": {
        "zh": "{user} 已申领，待服务器确认",
        "en": "{user} claims it; the server has not answered yet",
    },
    "claim_lost": {"zh": "{user} 申领未成功，工单已由 {holder} 负责", "en": "{user} claimed it, but {holder} has it"},
    "flag_open_question": {
        "zh": "{user} 标为已解决时，仍有问题在等客户回答",
        "en": "{user} resolved it while a question to the customer was open",
    },
    "flag_close_overruled": {"zh": "{user} 关闭时仍有人在处理", "en": "{user} closed it while somebody worked on it"},
    "flag_cancel_overruled": {
        "zh": "{user} 取消时仍有人在处理",
        "en": "{user} cancelled it while somebody worked on it",
    },
    "flag_unseen_message": {
        "zh": "{user} 结束工单时没有看到客户的最后一条消息",
        "en": "{user} ended it without having seen the customer's last message",
    },
    "unaccepted": {"zh": "{count} 条修改尚未被服务器接受", "en": "{count} edits not yet accepted by the server"},
    "yours": {"zh": "工单 {ticket} 由您负责", "en": "ticket {ticket} is yours"},
    # lists
    "unread": {"zh": "未读", "en": "Unread"},
    "last": {"zh": "最后一条消息", "en": "Last message"},
    "when": {"zh": "时间", "en": "When"},
    "who": {"zh": "谁", "en": "Who"},
    "found": {"zh": "内容", "en": "Found"},
    "where": {"zh": "所在", "en": "Where"},
    "nothing": {"zh": "没有", "en": "nothing here"},
    "more": {"zh": "还有更多：加大 --limit", "en": "there is more: raise --limit"},
    "as_of": {"zh": "离线；以下为 {moment} 的内容（{reason}）", "en": "offline; as of {moment} ({reason})"},
    "taken_back": {"zh": "（已撤回）", "en": "(taken back)"},
    # the chat
    "step": {"zh": "工单 #{number}：{label}", "en": "Ticket #{number}: {label}"},
    "responsible": {"zh": "，负责人：{name}", "en": ", {name} is on it"},
    "unread_here": {"zh": "以下 {count} 条未读", "en": "{count} unread"},
    "seen_by": {"zh": "{names} 已读", "en": "seen by {names}"},
    "answered_meanwhile": {
        "zh": "您输入时 {names} 已回复：再按一次回车仍然发送，/drop 放弃",
        "en": "{names} answered while you were writing: press Enter to send it all the same, /drop to drop it",
    },
    "dropped": {"zh": "已放弃", "en": "dropped"},
    "ticket_opened": {"zh": "已开工单 {ticket}", "en": "opened ticket {ticket}"},
    "took_back": {"zh": "撤回了一条消息", "en": "took a message back"},
    "was_erased": {"zh": "的一条消息已删除", "en": "had a message erased"},
    "not_yet_accepted": {"zh": "… 尚未被接受", "en": "… not yet accepted"},
    "accepted": {"zh": "✓ 已接受：", "en": "✓ accepted:"},
    "refused": {"zh": "✗ 被拒绝：{reason}", "en": "✗ refused: {reason}"},
    "nothing_older": {"zh": "没有更早的消息", "en": "there is nothing older"},
    "older_offline": {"zh": "离线：更早的消息要等连接后才有", "en": "offline: older messages come with the connection"},
    "said_nothing": {"zh": "您在这里还没有说过话", "en": "you have said nothing here yet"},
    "help": {
        "zh": """/edit 文字    修改您的最后一条消息
/recall       撤回您的最后一条消息
/older        加载更早的消息
/read         标为已读
/ticket [主题]  由这个会话开工单
/drop         放弃没有发送的内容
/status       这台设备的状态
/quit         离开""",
        "en": """/edit TEXT   replace your last message
/recall      take your last message back
/older       load older messages
/read        you have read everything here
/ticket [SUBJECT]  open a ticket out of this conversation
/drop        drop what was not sent
/status      how this device stands
/quit        leave""",
    },
}
"""By what is said, then by language."""

FIELDS: Final[Mapping[str, Labels]] = {
    "customer": {"zh": "姓名", "en": "Name"},
    "phone": {"zh": "电话", "en": "Phone"},
    "email": {"zh": "邮箱", "en": "E-mail"},
    "product": {"zh": "产品", "en": "Product"},
    "model": {"zh": "型号", "en": "Model"},
    "serial": {"zh": "序列号", "en": "Serial number"},
    "imei": {"zh": "IMEI", "en": "IMEI"},
    "order_number": {"zh": "订单号", "en": "Order number"},
    "version": {"zh": "版本", "en": "Version"},
    "error_code": {"zh": "错误码", "en": "Error code"},
    "symptom": {"zh": "故障现象", "en": "Symptom"},
    "quantity": {"zh": "数量", "en": "Quantity"},
    "amount": {"zh": "金额", "en": "Amount"},
    "company": {"zh": "公司", "en": "Company"},
    "account_number": {"zh": "账号", "en": "Account number"},
}
"""The fields of the shipped rules. A tenant's own are shown by their names."""


def say(key: str, language: str, **values: object) -> str:
    """One text of `TEXTS`, with its values in place."""
    return spoken(TEXTS[key], language).format(**values)


def field_name(name: str, language: str) -> str:
    """What a field is called."""
    return spoken(FIELDS[name], language) if name in FIELDS else name


def step_text(message: Message, language: str, spoken_there: str | None) -> str | None:
    """A ticket's step in the person's language; None if the message tells of none. In the conversation's own language
    the server has worded it, with the tenant's labels.
    """
    data = message.data or {}
    if message.event != STEP_EVENT or not isinstance(data.get("status"), str):
        return None
    if message.text and (spoken_there or "").partition("-")[0].casefold() == language:
        return message.text
    try:
        status = label(str(data["status"]), language)
    except ValueError:  # a newer server's
        return message.text
    text = say("step", language, number=data.get("number", ""), label=status)
    return text + (say("responsible", language, name=data["responsible"]) if data.get("responsible") else "")


def when(at: int, now_ms: int, zone: tzinfo | None = None) -> str:
    """A stamp as a person says it: the hour today, the day this year, else the year as well. `zone`: by default the
    machine's.
    """
    return moment_ms(at_ms(at), now_ms, zone)


def moment_ms(ms: int, now_ms: int, zone: tzinfo | None = None) -> str:
    """The same of Unix time in milliseconds."""
    then, now = (datetime.fromtimestamp(one / 1000, UTC).astimezone(zone) for one in (ms, now_ms))
    if then.date() == now.date():
        return then.strftime("%H:%M")
    return then.strftime("%m-%d %H:%M" if then.year == now.year else "%Y-%m-%d %H:%M")


def plain(text: str) -> str:
    """`text` without what would steer a terminal, character for character."""
    return "".join(one if one.isprintable() or one in ("\n", JOINER) else "�" for one in text)


def clean(text: str) -> str:
    """`text` as harmless markup: what others wrote neither formats nor steers the terminal."""
    return escape(plain(text))


def one_line(text: str) -> str:
    """The same in one line."""
    return clean(" ".join(text.split()))
