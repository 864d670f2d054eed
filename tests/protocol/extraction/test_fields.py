"""Values in a message: behind labels, by their form, in answer to a question, alone, and put right."""

import pytest
from support.extraction import read, values

IMEI = "490154203237518"


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("订单号：240618773520194", "order_number", "240618773520194"),
        ("order id: 3348917502", "order_number", "3348917502"),
        ("my order number is A12-99871", "order_number", "A12-99871"),
        ("please cancel my order A-20991", "order_number", "A-20991"),
        ("Model SM-T870, black", "model", "SM-T870"),
        ("ＳＮ：ＳＬ１１－２４０９－００３７５", "serial", "SL11-2409-00375"),
        ("the serial number is PF3X9Q2K.", "serial", "PF3X9Q2K"),
        ("固件1.0.23", "version", "1.0.23"),
        ("升级到 V13.0.4 以后", "version", "13.0.4"),
        ("firmware version: 2.1", "version", "2.1"),
        ("提示错误码 E2031", "error_code", "E2031"),
        ("it says error 0x80070005", "error_code", "0x80070005"),
        ("ERR_CONNECTION_RESET 打不开", "error_code", "ERR_CONNECTION_RESET"),
        ("型号AX3000M，白色", "model", "AX3000M"),
        ("星云 X30 Pro，去年买的", "model", "X30 Pro"),
        ("要 30 台", "quantity", "30"),
        ("一共 386 元", "amount", "386"),
        ("it was $25.50", "amount", "25.50"),
        ("邮箱 Tan.Qi@Outlook.com", "email", "tan.qi@outlook.com"),
        ("电话 136 0257 8841", "phone", "+8613602578841"),
        (f"串号 {IMEI}", "imei", IMEI),
        ("49 015420 323751 8", "imei", IMEI),
        ("我叫孙悦", "customer", "孙悦"),
        ("蒋文博 13764829915", "customer", "蒋文博"),
        ("company name is awesome music and the password", "company", "awesome music"),
    ],
)
def test_one_message(text: str, field: str, value: str) -> None:
    found = {one.name: one for one in read(text).fields}
    assert found[field].value == value


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("490154203237519", "imei"),
        ("order id: 2015550123", "phone"),
        ("打开 192.168.1.1 看看", "version"),
        ("订单", "order_number"),
        ("3 台", "order_number"),
        ("我们公司", "company"),
        ("王府井", "customer"),
        ("Win11 系统", "model"),
        ("the order was fine", "order_number"),
        ("This is urgent", "customer"),
        ("my camera app crashes", "product"),
    ],
)
def test_what_it_is_not(text: str, field: str) -> None:
    assert field not in values(text)


def test_a_question_says_what_an_answer_is() -> None:
    assert values("> 请问订单号是多少？", "8812093374651")["order_number"] == "8812093374651"
    assert values("> 序列号发一下", "PF3X9Q2K")["serial"] == "PF3X9Q2K"
    assert values("> may I have your full name?", "Crystal Minh")["customer"] == "Crystal Minh"
    assert "order_number" not in values("8812093374651")
    assert values("> what is the order id?", "it's 2015550123") == {"order_number": "2015550123"}
    assert values("> order id and phone number?", "2015550123") == {"phone": "+12015550123"}
    assert values("> order id?", "just call me: 13602578841") == {"phone": "+8613602578841"}


def test_a_span_names_the_words() -> None:
    text = "ＳＮ：ＡＢ１２３４，谢谢"
    (field,) = (field for field in read(text).fields if field.name == "serial")
    assert (field.value, text[slice(*field.span)], field.message) == ("AB1234", "ＡＢ１２３４", "m0")


@pytest.mark.parametrize(
    "lines",
    [
        ("序列号 PF3X9Q2K", "> 好的", "看错了，应该是 PF3X9Q2R"),
        ("serial number PF3X9Q2K", "sorry, the serial is PF3X9Q2R"),
        ("序列号 PF3X9Q2K", "不对，是 PF3X9Q2R"),
        ("> 序列号？", "PF3X9Q2K", "> 查不到", "sorry, PF3X9Q2R", "> 序列号是 PF3X9Q2K 吗？"),
        ("> 序列号 PF3X9Q2K 对吗？", "PF3X9Q2R"),
    ],
)
def test_the_customers_last_word_holds(lines: tuple[str, ...]) -> None:
    assert values(*lines)["serial"] == "PF3X9Q2R"


def test_a_correction_does_not_touch_other_fields() -> None:
    found = values("订单号 240618773520194，序列号 PF3X9Q2K", "抱歉，序列号是 PF3X9Q2R")
    assert (found["order_number"], found["serial"]) == ("240618773520194", "PF3X9Q2R")


def test_the_staff_counts_less_and_only_where_the_customer_says_nothing() -> None:
    staff, customer = read("> 您的订单号是 8812093374651"), read("订单号是 8812093374651")
    assert staff.fields[0].confidence < customer.fields[0].confidence
    assert values("订单号 5520918273", "> 订单号 9999999999，对吗")["order_number"] == "5520918273"
