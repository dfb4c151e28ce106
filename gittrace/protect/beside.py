"""Rules that know a secret by what stands beside it: a telling name, a header's name, the place in a URL.

Rows as in `gittrace.protect.rules`. What they find is less certain than a provider's token, so each has a check.
"""

from gittrace.protect.rules import Rule

# what may stand between a name and its value, quotes and brackets of the name's own included
_TYPE = rb"(?:(?P<typed>:[ \t]{0,2}[A-Za-z_][\w.\[\]| ]{0,30}+[ \t]{0,2}))?"
_SEPARATOR = (
    rb"(?:\\{0,15}[\"'`])?+\]?+(?:"
    rb"[ \t]{0,8}+" + _TYPE + rb"(?:=>|:=|=(?!=)|:(?![:=]))[ \t]{0,8}+"
    rb"|[ \t]{0,2}+,[ \t]{0,2}+(?=\\{0,15}[\"'`])|\((?=\\{0,15}[\"'`])|>|(?P<blank>[ \t]{1,2}+)(?=\S{%d}))"
)
BARE = rb"[^\s\"'`,;<>&|(){}\[\]\\]"
"""What a value without quotes is made of."""

MOST = 400
"""Bytes of a value that are looked at, but for a long one."""

_QUOTE = rb"(?P<q>\\{0,15}[\"'`])"
_PREFIX = rb"[bBrRuUfF]{0,2}"
_VALUE = (
    rb"(?:" + _PREFIX + _QUOTE + rb"(?P<quoted>(?:(?!(?P=q))[^\n]){%d,400})(?P=q)"
    rb"|(?P<bare>" + BARE + rb"{%d,400}))"
)


# without quotes a path, an option or a comparison is no secret
_BEGINS_BARE = BARE.replace(rb"[^", rb"[^=/\-")

# the same, for the search: no group, and what a value begins with
_AHEAD = (
    rb"[A-Za-z0-9_.-]{0,60}+" + _SEPARATOR.replace(b"(?P<typed>", b"(?:").replace(b"(?P<blank>", b"(?:") + rb"(?:"
    rb"[bBrRuUfF]{0,2}(?:\"[^\"\n]{%d}|'[^'\n]{%d}|`[^`\n]{%d}|\\{1,15}[\"'`][^\n]{%d})"
    rb"|" + _BEGINS_BARE + BARE + rb"{%d})"
)


def _beside(shortest: int) -> bytes:
    """Return the pattern of what follows a name: what is shorter than a secret may be is given up at once."""
    return (_SEPARATOR + _VALUE) % ((shortest,) * 3)


def _ahead(shortest: int) -> bytes:
    """Return the pattern of what must follow a keyword: all that `_beside` finds, and what only looks like it."""
    return _AHEAD % (*(shortest,) * 5, shortest - 1)


# possessive: a name is taken whole, and nothing is tried again with less of it
_REST = rb"(?P<rest>[A-Za-z0-9_.-]{0,40}+)"

# of one that is longer than `_VALUE` takes in
LONG = 385, 8000
"""Bytes that a long value has, at least and at most."""

OF_A_LONG_VALUE = rb"[A-Za-z0-9+/_.%~-]"
_LONG_VALUE = OF_A_LONG_VALUE + rb"{385,8000}={0,2}"
_LONG = (
    _SEPARATOR % 385
    + _PREFIX
    + rb"(?:"
    + _QUOTE
    + rb"(?P<quoted>"
    + _LONG_VALUE
    + rb")(?P=q)|(?P<bare>"
    + _LONG_VALUE
    + rb"))"
)
PASSWORD = rb"(?i:passw(?:or)?d|passphrase|passwort|pwd)"
SECRET = rb"(?i:secrets?|tokens?|key|auth)"


def heads(name: bytes, shortest: int) -> tuple[bytes, bytes]:
    """Return the pattern of a name and of all up to its value, and the same where nothing is taken for a type.

    They match where the row's own pattern may, and leave the value, which is long, to who asks where it ends.
    Groups: rest, typed, blank, q
    """
    start = (
        rb"(?:" + _PREFIX + _QUOTE + rb"|(?=" + BARE + rb"{%d}))" % shortest
        if shortest < LONG[0]
        else _PREFIX + rb"(?:" + _QUOTE + rb"|(?=" + OF_A_LONG_VALUE + rb"{%d}))" % shortest
    )
    separator = _SEPARATOR % shortest
    never = separator.replace(_TYPE, rb"(?P<typed>(?!))?")
    return name + _REST + separator + start, name + _REST + never + start


# of a URL with a name or password in it, without what may make it long
_BEFORE_AT = rb"[^\s/\"'`<>\\@]{0,601}+@"

URL_PASSWORD = rb"://(?P<user>[^\s/:@\"'`<>\\?#]{0,200}):(?P<s>[^\s/\"'`<>\\]{1,400})@(?!@)"
"""A URL with a password, the group s."""

BESIDE = (
    Rule("url-password", (b"://",),
         URL_PASSWORD,
         [("postgres://app:{a12}@db.example.com:5432/x", "{a12}"), ("https://oauth2:{a20}@git.example.com/x.git", "{a20}"),
          ("redis://:{a16}@cache:6379/0", "{a16}"), ("amqp://u:p%40{a8}@h/v", "p%40{a8}"), ("smb://u:x@{a9}@h/v", "x@{a9}"),
          ("jdbc:mysql://root:{a9}@127.0.0.1/x", "{a9}"), ("mongodb+srv://u:{a12}@c0.example.net/?w=1", "{a12}")],
         ["http://localhost:8080/@scope/x", "https://example.com/a:b@c", "ssh://git@github.com:22/x", "postgres://u:$PW@h",
          "postgres://user:password@localhost/x", "https://x:${{ secrets.T }}@h", "redis://u:<password>@h", "http://u:***@h"],
         check="in_url", token=False, ahead=_BEFORE_AT, room=5, closed=b"@"),
    Rule("url-token", (b"://",), rb"://(?P<s>[A-Za-z0-9_.~+=-]{20,400})@(?=[^\s@])",
         [("https://{a40}@github.com/x/y", "{a40}"), ("https://{h32}@sentry.example.com/1", "{h32}")],
         ["https://registry.example.com/@scope", "ssh://deploy-user-of-the-project@example.com"], check="random", token=False,
         ahead=_BEFORE_AT, room=23, closed=b"@"),
    Rule("dsn-password", (b"@tcp(", b"@unix("), rb"@(?:tcp|unix)\(", [("root:{a10}@tcp(db:3306)/x", "{a10}")],
         ["root@tcp(db)", ":@tcp(x)"], check="before_at", token=False, room=-1),
    Rule("authorization", (b"authorization", b"x-auth-token", b"private-token", b"x-vault-token"),
         rb"(?i:(?:proxy-)?authorization|x-auth-token|private-token|x-vault-token)\\{0,15}[\"']?[ \t]{0,4}[:=,][ \t]{0,4}"
         rb"(?:\\{0,15}[\"'`])?(?:[A-Za-z][A-Za-z0-9-]{0,20}[ \t]{1,4})?(?P<s>[A-Za-z0-9._~+/=-]{6,8000})",
         [("Authorization: Bearer {a30}", "{a30}"), ('"authorization": "Basic {b24}=="', "{b24}=="),
          ("-H 'Authorization: token {a40}'", "{a40}"), ("PRIVATE-TOKEN: {a20}", "{a20}"), ("authorization: {a24}", "{a24}")],
         ["Authorization: Bearer $TOKEN", "authorization: required", "Authorization: <token>", "authorization: Bearer token"],
         check="credential", fold=True, token=False, ahead=rb"\\{0,15}[\"']?[ \t]{0,4}[:=,]", room=19),
    Rule("bearer", (b"Bearer ", b"BEARER "), rb"B(?:earer|EARER)[ \t]{1,4}(?P<s>[A-Za-z0-9._~+/=-]{16,8000})", [("token_type=Bearer {a30}", "{a30}")],
         ["Bearer authentication-required", "Bearer realm=example-of-a-realm"], check="random", token=False,
         ahead=rb"[ \t]{0,3}[A-Za-z0-9._~+/=-]{16}", room=23),
    Rule("cookie", (b"cookie:",), rb"(?i:cookie):[ \t]{0,4}(?P<s>[A-Za-z0-9_.-]{1,80}=[^\s\"'`,][^\n\"'`]{8,4000})",
         [("Set-Cookie: sid={a32}; Path=/", "sid={a32}; Path=/"), ("cookie: a=1; session={a40}", "a=1; session={a40}")],
         ["cookie: none", "Cookie: a=b"], fold=True, token=False, ahead=rb"[ \t]{0,4}[A-Za-z0-9_.-]{1,80}=", room=18),
    Rule("curl-user", (b"curl ",), rb"curl [^\n|;]{0,300}?(?:-u|--user)[ =][\"']?[A-Za-z0-9_.@+-]{1,80}:(?P<s>[^\s\"'`:]{3,200})",
         [("curl -u admin:{a10} https://x", "{a10}"), ("curl --user 'bob:{a8}' x", "{a8}")],
         ["docker run -u 1000:1000 x", "ps -u root", "curl -u user:$PASS x", "chown --user root:root x"], check="given_password", token=False, reader="gap",
         room=13),
    Rule("netrc", (b"password ",), rb"(?i:password)[ \t]{1,4}(?P<s>\S{3,200})", [("machine x login bob password {a9}", "{a9}")],
         ["the password of a user", "login with a password today", "ssh/login style password requests"], check="after_login", fold=True, token=False,
         ahead=rb"[ \t]{0,3}\S{3}", room=12, needs=b"login"),
    Rule("password", (b"passw", b"passphrase", b"pwd"),
         PASSWORD + _REST + _beside(4),
         [("DB_PASSWORD={l9}", "{l9}"), ('password = "{a9}"', "{a9}"), ('"password": "{a9}"', "{a9}"), ("password: {a12}", "{a12}"),
          ('{\\"password\\":\\"{a9}\\"}', "{a9}"), ("<password>{a9}</password>", "{a9}"), ("--password {a9}", "{a9}"),
          ("--db-password={a9}", "{a9}"), ("Server=x;Pwd={a9};Database=y", "{a9}"), ('setPassword("{a9}")', "{a9}"),
          ("export PGPASSWORD='p w {a6}'", "p w {a6}"), ("passphrase := `{a12}`", "{a12}"), ("password: str = '{a9}'", "{a9}"),
          ("PASSWORD=`{a12}`", "{a12}"), ("password = `{a5} {a9}`", "{a5} {a9}"), ('password="{a9}$(cat x)"', "{a9}$(cat x)"),
          ("password_command='echo {a9}'", "echo {a9}"), ("PASSWORD='x${y}{a9}'", "x${y}{a9}")],
         ["password: ", "password=$PASSWORD", "password = getpass()", 'password = os.environ["PASSWORD"]', "password: str",
          "password=password", 'type="password"', "password: ${{ secrets.PASSWORD }}", "PWD=/home/ann/src", "password=***",
          'label: "Password"', '"password": "Password:"', 'password: "Enter your password:"', "password_hash = bcrypt(x)", '"password": "Enter your password"', "password: bool = False",
          "OLDPWD=/tmp/x1", "password_field = 'field9'", "self.password = config.password1", "if password == 'x1y2z3':",
          "password=<your-password>", "password: !vault |", "password: null,", "the password is required", "pwd: /srv/app2",
          "password.c: {h40}", "passwd.tar.gz: {h64}", "test_passwd.py={h32}", "PASSWORD='$(pass show x1)'", 'PASSWORD="`pass show x1`"',
          "PASSWORD=`pass show x1`", "password_cmd='pass show x1'", 'passwordCommand: "op read op://x/y1"', 'PASSWORD="x1$(cat y1)"',
          "PASSWORD='`cat /run/x1`'", 'password="${X1}:{{ y1 }}"', 'PGPASSWORD="$(cat "$FILE1")"'],
         reader="password", fold=True, token=False, ahead=_ahead(4), room=8),
    Rule("secret", (b"secret", b"token", b"key", b"auth"),
         SECRET + _REST + _beside(16),
         [("API_KEY={a32}", "{a32}"), ('client_secret: "{a40}"', "{a40}"), ("aws_secret_access_key = {b40}", "{b40}"),
          ('"accessToken":"{a40}"', "{a40}"), ("X-Api-Key: {h32}", "{h32}"), ("--token {a40}", "{a40}"), ("?api_key={h40}&x=1", "{h40}"),
          ("SECRET_KEY = 'django-{w50}'", "django-{w50}"), ('os.environ["DD_API_KEY"] = "{h32}"', "{h32}"), ("<apiKey>{a32}</apiKey>", "{a32}"),
          ("//npm.example.com/:_authToken={a36}", "{a36}"), ('headers.set("X-Api-Key", "{a32}")', "{a32}"), ("signing-key: {b43}=", "{b43}=")],
         ["token = parser.next_token()", "key = some_function_name_2(x)", "tokens: list[int] = [1, 2]", "secret: ${SECRET}", "key: {h40}",
          "tokenizer = 'bert-base-uncased-2019-long-name'", "cache-key: Linux-node-0123456789abcdef0123456789abcdef",
          "primary_key=True", "secret_name: my-app-prod-secret-2024-credentials", "token_url = https://example.com/oauth2/token12",
          "foreign key (a_long_column_name_2) references", "api_key: your-api-key-goes-here-1234", "AUTH_USER_MODEL = 'accounts.User12345'",
          "public_key = {b43}=", "commit: {h40}", "secret = config.get_value2_of_section", "sort_key=lambda1_of_the_list_of_keys",
          "monkey = {a32}", "token.tar.gz: {h64}", '"secret.txt": "{h40}"', "token: 1234567890123456", "author = 'Some Body 1234567 and Others'"],
         reader="secret", fold=True, token=False, ahead=_ahead(16), room=20),
    # of a value that is longer than the rows above take in: a token of a session, or one that is sealed. What must
    # follow is what the row above asks for, which the search asks for once
    Rule("secret", (b"secret", b"token", b"key", b"auth"),
         SECRET + _REST + _LONG,
         [("token = '{w700}'", "{w700}"), ('"refreshToken": "{b1200}=="', "{b1200}=="), ("SESSION_TOKEN={b420}", "{b420}")],
         ["token = '{w380}'", "cache-key: {w600}", "public_key: {b700}"], reader="long_secret", fold=True, token=False,
         ahead=_ahead(16), room=389),
)  # fmt: skip

CHOSEN = (
    Rule("email", (b"@",), rb"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9_-])",
         [("Ann <ann.b+x@example.com>", "ann.b+x@example.com")], ["@scope/x", "a@b", "user@localhost"], check="email", token=False,
         ahead=rb"[A-Za-z0-9][A-Za-z0-9-]{0,62}+\."),
    Rule("home", (b"/home/", b"/Users/", b":\\Users\\"), rb"(?:/home/|/Users/|:\\Users\\)(?P<s>[A-Za-z0-9_.@-]{1,64})",
         [("cd /home/ann/src", "ann"), ("/Users/bob", "bob"), ("C:\\Users\\eve\\x", "eve")], ["/home/", "/homes/x"], token=False),
)  # fmt: skip
"""Rules that are on by `trace.redact.email` and `trace.redact.home`."""
