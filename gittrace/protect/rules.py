r"""The table of what is a secret. A row is a rule: its name, how it is found, and samples that run as tests.

A pattern is a regular expression over bytes, within one line, and is tried where a keyword stands: it begins there, and
looks behind if it must. So what costs time is looking for keywords, and a pattern cannot be slow on what has none.
The group `s` is the secret; without it all that matches is. Every repeat has an upper bound.

In samples `{a36}` is 36 letters and digits, `{h40}` hexadecimal digits, `{u16}` capitals and digits, `{d9}` digits,
`{b88}` base64, `{w20}` what `\w` and `-` match; written so, no scanner takes this file for a leak.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

BEFORE = rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=[0-9;\[]m)|(?<=%[0-9A-Fa-f]{2}))"
"""What may stand before a token: no letter or digit, but for an escape (`\\n`, `%3D`, the end of a colour)."""

AHEAD = rb"[A-Za-z0-9_.+/=%-]{16}"
"""What goes on behind the keyword of any token; a row that knows better says so."""

END = rb"(?![A-Za-z0-9_-])"
"""What may not follow many a token, at the end of its pattern."""

LONGEST = 20 << 10
"""Bytes that a pattern may take in, at most."""


class Rule:
    """One row.

    name      as placeholders show it
    keywords  each secret has one of them, at which the pattern begins
    pattern   source of the regular expression; None: the keyword is the secret
    hits      samples that hold one secret, or one and the secret itself
    misses    samples that hold none
    check     name of a function of `gittrace.protect.shapes` that has the last word
    reader    name of a function of `gittrace.protect.readers` that finds what the pattern does, faster in a dense text
    fold      keywords are in lower case, and match any
    token     whether only `BEFORE` may stand before the keyword
    line      the pattern is a team's: it is looked for in the whole line
    ahead     what must follow the keyword, as a pattern without groups: the search asks for it, and so the pattern itself,
              which is slower, is tried at few keywords
    room      bytes from where a keyword begins to where its secret ends, at least; 0 where nobody counted, and -1 where
              the secret is in front of the keyword
    closed    a byte that stands behind the secret, b"" where that may be any
    needs     what stands somewhere in front of the keyword, b"" where that may be anything
    """

    __slots__ = (
        "ahead", "check", "closed", "fold", "hits", "keywords", "line", "misses", "name", "needs", "pattern", "reader",
        "room", "token",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        keywords: "Iterable[bytes]",
        pattern: "bytes | None",
        hits: "Iterable[str | tuple[str, str]]" = (),
        misses: "Iterable[str]" = (),
        check: str = "",
        fold: bool = False,
        token: bool = True,
        line: bool = False,
        ahead: bytes = b"",
        reader: str = "",
        room: int = 0,
        closed: bytes = b"",
        needs: bytes = b"",
    ) -> None:
        self.name = name
        self.keywords = tuple(keywords)
        self.pattern = pattern
        self.hits = tuple(hits)
        self.misses = tuple(misses)
        self.check = check
        self.fold = fold
        self.token = token
        self.line = line
        self.reader = reader
        self.room = room
        self.closed = closed
        self.needs = needs
        self.ahead = ahead or (AHEAD if token and pattern is not None and not line else b"")


_SK = rb"sk-(?:%s)[A-Za-z0-9_-]{20,250}"

PRIVATE_KEY = "private-key"

PROVIDERS = (
    # a key on one line: escaped, in a string, or with blanks where its lines ended (for the rest: keys.py)
    Rule(
         PRIVATE_KEY, (b"-----BEGIN ",),
         rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:\\{1,4}[nr]|[A-Za-z0-9+/=:, ]|-(?!----)){16,12000}"
         rb"(?:-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----)?(?:\\{1,4}[nr]){0,2}",
         ["-----BEGIN PRIVATE KEY-----\\n{b64}\\n{b32}\\n-----END PRIVATE KEY-----\\n", "-----BEGIN EC PRIVATE KEY----- {b64} {b40}"],
         ["-----BEGIN PUBLIC KEY-----\\n{b64}", "'-----BEGIN PRIVATE KEY-----' in text"], check="key_on_a_line", token=False,
),
    Rule("aws-key-id", (b"AKIA", b"ASIA"), rb"A[KS]IA[A-Z0-9]{16}" + END,
         ["AKIA{u16}", "key=ASIA{u16};"], ["AKIA", "xAKIA{u16}", "AKIA{u16}AB", "AKIAabcdefghijklmnop"]),
    # what STS gives out: base64 of `origin_` or `er/aws`, with no bound to its length that AWS would name
    Rule("aws-session-token", (b"IQoJb3JpZ2lu", b"FwoGZXIvYXdz", b"FQoGZXIvYXdz"),
         rb"(?:IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz)[A-Za-z0-9+/%_-]{80,8000}={0,2}",
         ["AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjE{b400}==", '"SessionToken": "IQoJb3JpZ2luX2VjE{b900}="', "FwoGZXIvYXdzE{b300}"],
         ["IQoJb3JpZ2luX2VjE", "xIQoJb3JpZ2luX2VjE{b400}"]),
    Rule("azure-devops-pat", (b"AZDO",), rb"AZDO[A-Za-z0-9]{4}" + END, ["{a76}AZDO{a4}", "pat={a76}AZDO{a4};"],
         ["AZDO{a4}", "{a40}AZDO{a4}", "{a77}AZDO{a4}", "{a76}AZDO{a8}"], check="after_76", token=False, ahead=rb"[A-Za-z0-9]{4}"),
    Rule("azure-key", (b"AccountKey=", b"SharedAccessKey="),
         rb"(?:Account|SharedAccess)Key=(?P<s>[A-Za-z0-9+/]{40,88}={0,2})",
         [("AccountName=x;AccountKey={b86}==;EndpointSuffix=y", "{b86}=="), ("SharedAccessKey={b43}=", "{b43}=")],
         ["AccountKey=<key>"], token=False),
    Rule("azure-sas", (b"sig=",), rb"sig=(?P<s>[A-Za-z0-9%+/]{42,100}={0,2})",
         [("https://a.blob.core.windows.net/c?sv=2022&sig={b43}%3D", "{b43}%3D")], ["?sig=abc", "xsig={b43}"]),
    Rule("azure-client-secret", (b"Q~",), rb"Q~[A-Za-z0-9_~.-]{31,34}(?!\.?[A-Za-z0-9_~-])",
         ["abc8Q~{a34}", "it is abc8Q~{a34}."], ["Q~{a20}"], check="azure_client", token=False),
    Rule("gcp-api-key", (b"AIza", b"AQ.Ab"), rb"A(?:Iza[A-Za-z0-9_-]{35}|Q\.Ab[A-Za-z0-9_-]{40,120})" + END,
         ["AIza{w35}", "AQ.Ab8{w48}"], ["AIza{w34}", "AIza{w36}", "AQ.Ab8x"]),
    Rule("gcp-oauth", (b"ya29.",), rb"ya29\.[A-Za-z0-9_.-]{30,2000}", ["ya29.{w80}"], ["ya29.x"]),
    Rule("gcp-oauth", (b"GOCSPX-", b"1//0"), rb"(?:GOCSPX-[A-Za-z0-9_-]{28}|1//0[A-Za-z0-9_-]{40,250})",
         ["GOCSPX-{w28}", "refresh: 1//0g{w98}"], ["1//0", "http://1//0"]),
    Rule("github-token", (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"), rb"gh[pousr]_[A-Za-z0-9]{36,255}",
         ["ghp_{a36}", "gho_{a36}", "ghu_{a36}", "ghs_{a36}", "ghr_{a76}", "\\nghp_{a36}", "\x1b[31mghp_{a36}\x1b[0m"],
         ["ghp_{a20}", "xghp_{a36}", "ghx_{a36}"]),
    Rule("github-pat", (b"github_pat_",), rb"github_pat_[A-Za-z0-9_]{36,255}",
         ["github_pat_{a22}_{a59}"], ["github_pat_", "github_pat_example"]),
    Rule("gitlab-token",
         (b"glpat-", b"gldt-", b"glrt-", b"glrtr-", b"glcbt-", b"glptt-", b"glft-", b"glffct-", b"glsoat-", b"glimt-",
          b"glagent-", b"glwt-", b"gloas-", b"GR1348941"),
         rb"(?:gl(?:pat|dt|rtr?|cbt|ptt|ft|ffct|soat|imt|agent|wt|oas)-|GR1348941)[A-Za-z0-9_.=-]{18,320}",
         ["glpat-{w20}", "glrt-{w20}", "glptt-{h40}", "GR1348941{w20}", "glpat-{w300}.01.{l9}", "glrt-t1_{w27}.01.{a9}", "glffct-{w20}"],
         ["glpat-short", "glxx-{a20}"]),
    Rule("slack-token", (b"xoxb-", b"xoxa-", b"xoxp-", b"xoxr-", b"xoxs-", b"xoxe-", b"xoxe.", b"xoxc-", b"xoxd-", b"xapp-", b"xwfp-"),
         rb"(?:xox[abceprsd][-.]|x(?:app|wfp)-)[A-Za-z0-9%.-]{20,400}",
         ["xoxb-{d12}-{d13}-{a24}", "xoxp-{d12}-{d12}-{d12}-{h32}", "xapp-1-A{u10}-{d13}-{h64}", "xoxe.xoxp-1-{a160}", "xwfp-{d12}-{a24}"],
         ["xoxb-", "xoxo-love"]),
    Rule("slack-webhook", (b"hooks.slack.com/",),
         rb"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[A-Za-z0-9+/_-]{20,120})",
         [("https://hooks.slack.com/services/T{u8}/B{u8}/{a24}", "T{u8}/B{u8}/{a24}")],
         ["https://hooks.slack.com/services/T00/B00/X"], token=False),
    Rule("stripe-key", (b"sk_live_", b"sk_test_", b"rk_live_", b"rk_test_", b"whsec_"),
         rb"(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,247}|whsec_[A-Za-z0-9+/=]{24,100})",
         ["sk_live_{a24}", "rk_test_{a99}", "whsec_{a32}"], ["sk_live_", "task_live_{a24}", "pk_live_{a24}"]),
    Rule("anthropic-key", (b"sk-ant-",), _SK % rb"ant-", ["sk-ant-api03-{w93}AA", "sk-ant-sid01-{w80}"], ["sk-ant-x"]),
    Rule("openrouter-key", (b"sk-or-v1-",), rb"sk-or-v1-[0-9a-f]{64}", ["sk-or-v1-{h64}"], ["sk-or-v1-"]),
    Rule("openai-key", (b"sk-proj-", b"sk-svcacct-", b"sk-admin-", b"sk-None-"),
         _SK % rb"proj|svcacct|admin|None", ["sk-proj-{w120}", "sk-svcacct-{w70}"], ["sk-proj-x", "task-proj-{a48}"]),
    Rule("openai-key", (b"sk-",), rb"sk-[A-Za-z0-9]{32,64}" + END, ["sk-{a48}", "sk-{a20}T3BlbkFJ{a20}"],
         ["sk-learn", "disk-{a48}", "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"], check="random",
         ahead=rb"[A-Za-z0-9]{32}"),
    Rule("huggingface-token", (b"hf_", b"api_org_"), rb"(?:hf|api_org)_[A-Za-z0-9]{34,40}" + END,
         ["hf_{l34}", "api_org_{l34}"], ["hf_hub_download", "hf_{a12}"]),
    Rule("npm-token", (b"npm_",), rb"npm_[A-Za-z0-9]{36}" + END, ["//registry.npmjs.org/:_authToken=npm_{a36}"],
         ["npm_config_registry", "npm_{a35}"]),
    Rule("pypi-token", (b"pypi-",), rb"pypi-A[A-Za-z0-9_-]{60,255}", ["pypi-AgEIcHlwaS5vcmc{w90}"], ["pypi-mirror"]),
    Rule("docker-token", (b"dckr_pat_", b"dckr_oat_"), rb"dckr_[po]at_[A-Za-z0-9_-]{20,64}",
         ["dckr_pat_{w27}", "dckr_oat_{a32}"], ["dckr_pat_"]),
    Rule("docker-auth", (b'auth"',), rb'(?i:auth)\\{0,15}"[ \t]{0,4}:[ \t]{0,4}\\{0,15}"(?P<s>[A-Za-z0-9+/]{12,400}={0,2})',
         [('"auth": "{b24}=="', "{b24}==")], ['"auth": "none"', '"auth": ""'], check="random", fold=True, token=False,
         ahead=rb'[ \t]{0,4}:[ \t]{0,4}\\{0,15}"[A-Za-z0-9+/]{12}', room=19),
    Rule("supabase-key", (b"sbp_", b"sb_secret_"), rb"(?:sbp_(?:v0_|oauth_)?[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,64})",
         ["sbp_{h40}", "sbp_v0_{h40}", "sb_secret_{w31}"], ["sbp_", "sb_publishable_{a31}"]),
    Rule("twilio-key", (b"SK",), rb"SK[0-9a-f]{32}" + END, ["SK{h32}"], ["SK", "TASK{h32}", "SK{h33}"],
         ahead=rb"[0-9a-f]{32}"),
    Rule("sendgrid-key", (b"SG.",), rb"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}", ["SG.{w22}.{w43}"], ["SG.x.y"]),
    Rule("discord-webhook", (b"/api/webhooks/",), rb"/api/webhooks/\d{15,22}/(?P<s>[A-Za-z0-9_-]{40,100})",
         [("https://discord.com/api/webhooks/{d18}/{w68}", "{w68}")], ["/api/webhooks/1/x"], token=False),
    Rule("discord-token", (b".",), rb"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}" + END,
         ["MT{a22}.{w6}.{w38}"], ["os.path.x", "a.abcdef.{a38}", "eyJ{a22}.{w6}.{w38}"], check="discord", token=False,
         ahead=rb"[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}"),
    Rule("telegram-token", (b":AA",), rb":(?P<s>AA[A-Za-z0-9_-]{33})" + END, [("{d10}:AA{w33}", "AA{w33}")],
         ["x:AA{w33}", "{d10}:AA{w20}"], check="after_digits", token=False),
    Rule("jwt", (b"eyJ",),
         rb"eyJ[A-Za-z0-9_-]{8,1000}\.[A-Za-z0-9_-]{8,12000}(?:\.[A-Za-z0-9_-]{0,1500}){1,3}",
         ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{w43}", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
          "eyJhbGciOiJSU0EtT0FFUCJ9.{w40}.{w16}.{w60}.{w22}"],
         ["eyJ", "eyJhbGciOiJIUzI1NiJ9"], reader="jwt"),
)  # fmt: skip

OTHERS = (
    Rule("age-key", (b"AGE-SECRET-KEY-1",), rb"AGE-SECRET-KEY-1[0-9A-Z]{58}", ["AGE-SECRET-KEY-1{u58}"], ["AGE-SECRET-KEY-1"]),
    Rule("1password-token", (b"ops_eyJ",), rb"ops_eyJ[A-Za-z0-9_=+/-]{100,2000}", ["ops_eyJ{w400}"], ["ops_eyJx"]),
    Rule("atlassian-token", (b"ATATT3", b"ATCTT3"), rb"AT[AC]TT3[A-Za-z0-9_=-]{40,250}", ["ATATT3{w180}"], ["ATATT3x"]),
    Rule("atlassian-token", (b"ATBB",), rb"ATBB[A-Za-z0-9]{24,40}" + END, ["ATBB{a32}"], ["ATBBx"]),
    Rule("buildkite-token", (b"bkua_",), rb"bkua_[0-9a-f]{40}", ["bkua_{h40}"], ["bkua_x"]),
    Rule("clojars-token", (b"CLOJARS_",), rb"CLOJARS_[0-9a-f]{60}", ["CLOJARS_{h60}"], ["CLOJARS_USERNAME"]),
    Rule("databricks-token", (b"dapi",), rb"dapi[0-9a-f]{32}(?:-\d)?" + END, ["dapi{h32}", "dapi{h32}-2"], ["dapi", "xdapi{h32}"],
         ahead=rb"[0-9a-f]{32}"),
    Rule("digitalocean-token", (b"dop_v1_", b"doo_v1_", b"dor_v1_"), rb"do[opr]_v1_[0-9a-f]{64}", ["dop_v1_{h64}"], ["dop_v1_x"]),
    Rule("doppler-token", (b"dp.pt.", b"dp.st.", b"dp.ct."), rb"dp\.[psc]t\.[A-Za-z0-9_.-]{40,80}", ["dp.pt.{a43}"], ["dp.pt.x"]),
    Rule("dynatrace-token", (b"dt0c01.", b"dt0s16."), rb"dt0[cs](?:01|16)\.[A-Z0-9]{24}\.[A-Z0-9]{64}", ["dt0c01.{u24}.{u64}"], ["dt0c01.x"]),
    Rule("e2b-key", (b"e2b_",), rb"e2b_[0-9a-f]{40}" + END, ["e2b_{h40}"], ["e2b_sandbox"]),
    Rule("figma-token", (b"figd_",), rb"figd_[A-Za-z0-9_-]{38,48}", ["figd_{w40}"], ["figd_x"]),
    Rule("fly-token", (b"fm1_", b"fm2_", b"fo1_"), rb"f(?:m[12]|o1)_[A-Za-z0-9+/_=-]{40,1000}", ["fm2_{b100}", "fo1_{w43}"], ["fm2_x"]),
    Rule("grafana-token", (b"glsa_", b"glc_"), rb"gl(?:sa|c)_[A-Za-z0-9_+/=]{32,400}", ["glsa_{a32}_{h8}", "glc_{b60}"], ["glsa_x"]),
    Rule("groq-key", (b"gsk_",), rb"gsk_[A-Za-z0-9]{48,56}" + END, ["gsk_{a52}"], ["gsk_renderer_new"]),
    Rule("heroku-key", (b"HRKU-",), rb"HRKU-[A-Za-z0-9_-]{36,80}", ["HRKU-AA{w58}"], ["HRKU-x"]),
    Rule("langfuse-key", (b"sk-lf-",), rb"sk-lf-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", ["sk-lf-{h8}-{h4}-{h4}-{h4}-{h12}"], ["sk-lf-x"]),
    Rule("langsmith-key", (b"lsv2_pt_", b"lsv2_sk_"), rb"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", ["lsv2_pt_{h32}_{h10}"], ["lsv2_pt_x"]),
    Rule("linear-key", (b"lin_api_", b"lin_oauth_"), rb"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}", ["lin_api_{a40}"], ["lin_api_x"]),
    Rule("mailgun-key", (b"key-",), rb"key-[0-9a-f]{32}" + END, ["key-{h32}"], ["key-value", "monkey-{h32}"]),
    Rule("netlify-token", (b"nfp_", b"nfc_"), rb"nf[pc]_[A-Za-z0-9]{36,40}" + END, ["nfp_{a36}"], ["nfp_x"]),
    Rule("newrelic-key", (b"NRAK-",), rb"NRAK-[A-Z0-9]{27}", ["NRAK-{u27}"], ["NRAK-x"]),
    Rule("notion-token", (b"ntn_",), rb"ntn_[A-Za-z0-9]{40,50}" + END, ["ntn_{a46}"], ["ntn_x"]),
    Rule("nvidia-key", (b"nvapi-",), rb"nvapi-[A-Za-z0-9_-]{60,70}", ["nvapi-{w64}"], ["nvapi-x"]),
    Rule("perplexity-key", (b"pplx-",), rb"pplx-[A-Za-z0-9]{40,56}" + END, ["pplx-{a48}"], ["pplx-70b-online"]),
    Rule("pinecone-key", (b"pcsk_",), rb"pcsk_[A-Za-z0-9_]{40,90}" + END, ["pcsk_{a5}_{a63}"], ["pcsk_x"]),
    Rule("planetscale-token", (b"pscale_tkn_", b"pscale_pw_", b"pscale_oauth_"), rb"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}",
         ["pscale_tkn_{w43}"], ["pscale_tkn_x"]),
    Rule("postman-key", (b"PMAK-",), rb"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", ["PMAK-{h24}-{h34}"], ["PMAK-x"]),
    Rule("pulumi-token", (b"pul-",), rb"pul-[0-9a-f]{40}" + END, ["pul-{h40}"], ["pul-x"]),
    Rule("replicate-token", (b"r8_",), rb"r8_[A-Za-z0-9]{37}" + END, ["r8_{a37}"], ["r8_x"]),
    Rule("rubygems-key", (b"rubygems_",), rb"rubygems_[0-9a-f]{48}", ["rubygems_{h48}"], ["rubygems_mirror"]),
    Rule("sentry-token", (b"sntrys_", b"sntryu_"), rb"sntry[su]_[A-Za-z0-9+/=_]{60,400}", ["sntrys_eyJ{b100}_{b43}", "sntryu_{h64}"], ["sntrys_x"]),
    Rule("shopify-token", (b"shpat_", b"shpca_", b"shppa_", b"shpss_"), rb"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", ["shpat_{h32}"], ["shpat_x"]),
    Rule("sonar-token", (b"squ_", b"sqp_", b"sqa_"), rb"sq[upa]_[0-9a-f]{40}" + END, ["squ_{h40}", "sqp_{h40}"], ["squ_x"]),
    Rule("square-token", (b"sq0csp-", b"sq0atp-"), rb"sq0(?:csp|atp)-[A-Za-z0-9_-]{22,60}", ["sq0csp-{w43}"], ["sq0csp-x"]),
    Rule("tailscale-key", (b"tskey-",), rb"tskey-[a-z]{3,10}-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{20,40}", ["tskey-auth-{a12}-{a30}"], ["tskey-auth-x"]),
    Rule("tavily-key", (b"tvly-",), rb"tvly-(?:dev-|prod-)?[A-Za-z0-9_-]{32,64}" + END, ["tvly-{a32}", "tvly-dev-{a32}"], ["tvly-x"]),
    Rule("terraform-token", (b".atlasv1.",), rb"\.atlasv1\.(?P<s>[A-Za-z0-9_=-]{50,100})",
         [("{a14}.atlasv1.{w67}", "{w67}")], ["x.atlasv1.x"], token=False),
    Rule("vault-token", (b"hvs.", b"hvb.", b"hvr."), rb"hv[sbr]\.[A-Za-z0-9_-]{24,250}", ["hvs.{w90}"], ["hvs.x"]),
    Rule("xai-key", (b"xai-",), rb"xai-[A-Za-z0-9]{70,90}" + END, ["xai-{a80}"], ["xai-x"]),
)  # fmt: skip
