//! Every option of every middleware, wrong: `check` names the Middleware, the field, and what was found or is accepted.
//! One file with all of them, and one run of `check`'s own call.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::checking::report;

/// What stands beside them: Secrets that options may name, good and bad ones.
const NEIGHBOURS: &str = "\
{apiVersion: v1, kind: Secret, metadata: {name: pair}, stringData: {tls.crt: x, tls.key: y}}
---
{apiVersion: v1, kind: Secret, metadata: {name: nonsense-ca}, stringData: {tls.ca: nonsense}}
---
{apiVersion: v1, kind: Secret, metadata: {name: basic}, stringData: {users: 'ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='}}
---
{apiVersion: v1, kind: Secret, metadata: {name: digest}, stringData: {users: 'ann:traefik:e008efc4676c740d22dfb8460b00c71f'}}
---
{apiVersion: v1, kind: Secret, metadata: {name: empty}, stringData: {users: ''}}
---
{apiVersion: v1, kind: Service, metadata: {name: pages}, spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: pages-1, labels: {kubernetes.io/service-name: pages}}, addressType: IPv4, ports: [{port: 80}], endpoints: [{addresses: [10.0.0.2], conditions: {ready: true}}]}
";

/// A spec, the field that is wrong, and words of what is said of it.
const WRONG: &[(&str, &str, &str)] = &[
    // The Middleware itself.
    ("{}", "spec", "exactly one key"),
    ("{addPrefix: {prefix: /a}, contentType: {}}", "spec", "addPrefix and contentType"),
    ("{addPrefx: {prefix: /a}}", "spec.addPrefx", "addPrefix"),
    // Paths.
    ("{addPrefix: {}}", "spec.addPrefix.prefix", "is empty"),
    ("{addPrefix: {prefix: foo}}", "spec.addPrefix.prefix", "\"foo\""),
    ("{addPrefix: {prefix: 5}}", "spec.addPrefix.prefix", "number 5"),
    ("{addPrefix: {prefx: /a}}", "spec.addPrefix.prefx", "prefix"),
    ("{stripPrefix: {prefixes: /a}}", "spec.stripPrefix.prefixes", "list"),
    ("{stripPrefix: {prefixes: [5]}}", "spec.stripPrefix.prefixes[0]", "number 5"),
    ("{stripPrefix: {prefixes: [/a], forceSlash: 'maybe'}}", "spec.stripPrefix.forceSlash", "\"maybe\""),
    ("{stripPrefixRegex: {regex: ['(']}}", "spec.stripPrefixRegex.regex[0]", "unclosed group"),
    ("{stripPrefixRegex: {regex: ['^/a', '[']}}", "spec.stripPrefixRegex.regex[1]", "unclosed character class"),
    ("{replacePath: {path: 5}}", "spec.replacePath.path", "number 5"),
    ("{replacePathRegex: {regex: '*', replacement: x}}", "spec.replacePathRegex.regex", "repetition"),
    ("{replacePathRegex: {regex: '(?=a)', replacement: x}}", "spec.replacePathRegex.regex", "look-ahead"),
    ("{replacePathRegex: {regex: a, replacement: []}}", "spec.replacePathRegex.replacement", "list"),
    // Redirects.
    ("{redirectRegex: {regex: '(', replacement: x}}", "spec.redirectRegex.regex", "unclosed group"),
    ("{redirectRegex: {regex: a, replacement: x, permanent: 1}}", "spec.redirectRegex.permanent", "number 1"),
    ("{redirectScheme: {}}", "spec.redirectScheme.scheme", "missing"),
    ("{redirectScheme: {scheme: ''}}", "spec.redirectScheme.scheme", "is empty"),
    ("{redirectScheme: {scheme: https, port: 443}}", "spec.redirectScheme.port", "number 443"),
    ("{redirectScheme: {scheme: https, permanent: 'maybe'}}", "spec.redirectScheme.permanent", "\"maybe\""),
    // Headers.
    ("{headers: {}}", "spec.headers", "sets nothing"),
    ("{headers: {customRequestHeaders: {'a b': x}}}", "spec.headers.customRequestHeaders.a b", "not a header name"),
    ("{headers: {customRequestHeaders: {X: \"a\\nb\"}}}", "spec.headers.customRequestHeaders.X", "not a header value"),
    ("{headers: {customRequestHeaders: {X: 5}}}", "spec.headers.customRequestHeaders.X", "number 5"),
    ("{headers: {customResponseHeaders: {'a:': x}}}", "spec.headers.customResponseHeaders.a:", "not a header name"),
    ("{headers: {customResponseHeaders: {X: \"\\0\"}}}", "spec.headers.customResponseHeaders.X", "not a header value"),
    (
        "{headers: {accessControlAllowMethods: [\"A\\nB\"]}}",
        "spec.headers.accessControlAllowMethods",
        "not a header value",
    ),
    (
        "{headers: {accessControlAllowHeaders: [\"A\\nB\"]}}",
        "spec.headers.accessControlAllowHeaders",
        "not a header value",
    ),
    (
        "{headers: {accessControlExposeHeaders: [\"A\\nB\"]}}",
        "spec.headers.accessControlExposeHeaders",
        "not a header value",
    ),
    ("{headers: {accessControlAllowOriginList: https://a}}", "spec.headers.accessControlAllowOriginList", "list"),
    (
        "{headers: {accessControlAllowOriginListRegex: ['(']}}",
        "spec.headers.accessControlAllowOriginListRegex[0]",
        "unclosed group",
    ),
    ("{headers: {accessControlAllowCredentials: 'maybe'}}", "spec.headers.accessControlAllowCredentials", "\"maybe\""),
    ("{headers: {accessControlMaxAge: soon}}", "spec.headers.accessControlMaxAge", "\"soon\""),
    ("{headers: {addVaryHeader: 1}}", "spec.headers.addVaryHeader", "number 1"),
    ("{headers: {stsSeconds: -1}}", "spec.headers.stsSeconds", "-1"),
    ("{headers: {stsSeconds: 5, stsPreload: 1}}", "spec.headers.stsPreload", "number 1"),
    ("{headers: {customFrameOptionsValue: \"a\\nb\"}}", "spec.headers.customFrameOptionsValue", "not a header value"),
    ("{headers: {customBrowserXSSValue: \"a\\nb\"}}", "spec.headers.customBrowserXSSValue", "not a header value"),
    ("{headers: {contentSecurityPolicy: \"a\\nb\"}}", "spec.headers.contentSecurityPolicy", "not a header value"),
    (
        "{headers: {contentSecurityPolicyReportOnly: \"a\\nb\"}}",
        "spec.headers.contentSecurityPolicyReportOnly",
        "not a header value",
    ),
    ("{headers: {referrerPolicy: \"a\\nb\"}}", "spec.headers.referrerPolicy", "not a header value"),
    ("{headers: {permissionsPolicy: \"a\\nb\"}}", "spec.headers.permissionsPolicy", "not a header value"),
    ("{headers: {publicKey: \"a\\nb\"}}", "spec.headers.publicKey", "not a header value"),
    ("{headers: {sslProxyHeaders: {'a b': x}}}", "spec.headers.sslProxyHeaders.a b", "not a header name"),
    ("{headers: {hostsProxyHeaders: ['a b']}}", "spec.headers.hostsProxyHeaders[0]", "not a header name"),
    ("{headers: {allowedHosts: a}}", "spec.headers.allowedHosts", "list"),
    // Authentication.
    ("{basicAuth: {}}", "spec.basicAuth.secret", "name"),
    ("{basicAuth: {secret: absent}}", "spec.basicAuth.secret", "absent"),
    ("{basicAuth: {secret: pair}}", "spec.basicAuth.secret", "key"),
    ("{basicAuth: {secret: digest}}", "spec.basicAuth.secret", "user:hash"),
    ("{basicAuth: {secret: empty}}", "spec.basicAuth.secret", "holds no users"),
    ("{basicAuth: {secret: basic, headerField: 'a b'}}", "spec.basicAuth.headerField", "not a header name"),
    ("{basicAuth: {secret: basic, realm: \"a\\nb\"}}", "spec.basicAuth.realm", "not a header value"),
    ("{basicAuth: {secret: basic, removeHeader: 1}}", "spec.basicAuth.removeHeader", "number 1"),
    ("{basicAuth: {usersFile: /x}}", "spec.basicAuth.usersFile", "no such field"),
    ("{digestAuth: {}}", "spec.digestAuth.secret", "name"),
    ("{digestAuth: {secret: absent}}", "spec.digestAuth.secret", "absent"),
    ("{digestAuth: {secret: basic}}", "spec.digestAuth.secret", "user:realm:hash"),
    ("{digestAuth: {secret: empty}}", "spec.digestAuth.secret", "holds no users"),
    ("{digestAuth: {secret: digest, headerField: 'a b'}}", "spec.digestAuth.headerField", "not a header name"),
    ("{digestAuth: {secret: digest, realm: \"a\\nb\"}}", "spec.digestAuth.realm", "not a header value"),
    ("{forwardAuth: {}}", "spec.forwardAuth.address", "missing"),
    ("{forwardAuth: {address: ''}}", "spec.forwardAuth.address", "is empty"),
    ("{forwardAuth: {address: auth.example}}", "spec.forwardAuth.address", "no URL"),
    ("{forwardAuth: {address: 'ftp://auth.example'}}", "spec.forwardAuth.address", "scheme"),
    (
        "{forwardAuth: {address: 'http://a', trustForwardHeader: maybe}}",
        "spec.forwardAuth.trustForwardHeader",
        "\"maybe\"",
    ),
    (
        "{forwardAuth: {address: 'http://a', authResponseHeaders: [X, 'a b']}}",
        "spec.forwardAuth.authResponseHeaders[1]",
        "not a header name",
    ),
    (
        "{forwardAuth: {address: 'http://a', authResponseHeadersRegex: '('}}",
        "spec.forwardAuth.authResponseHeadersRegex",
        "unclosed group",
    ),
    (
        "{forwardAuth: {address: 'http://a', authRequestHeaders: ['a b']}}",
        "spec.forwardAuth.authRequestHeaders[0]",
        "not a header name",
    ),
    (
        "{forwardAuth: {address: 'http://a', addAuthCookiesToResponse: ['a b']}}",
        "spec.forwardAuth.addAuthCookiesToResponse[0]",
        "name of a cookie",
    ),
    ("{forwardAuth: {address: 'http://a', headerField: 'a b'}}", "spec.forwardAuth.headerField", "not a header name"),
    ("{forwardAuth: {address: 'http://a', forwardBody: 1}}", "spec.forwardAuth.forwardBody", "number 1"),
    ("{forwardAuth: {address: 'http://a', maxBodySize: -2}}", "spec.forwardAuth.maxBodySize", "-2"),
    ("{forwardAuth: {address: 'http://a', maxResponseBodySize: -2}}", "spec.forwardAuth.maxResponseBodySize", "-2"),
    (
        "{forwardAuth: {address: 'http://a', authSigninURL: \"a\\nb\"}}",
        "spec.forwardAuth.authSigninURL",
        "not a header value",
    ),
    ("{forwardAuth: {address: 'https://a', tls: {caSecret: absent}}}", "spec.forwardAuth.tls.caSecret", "absent"),
    (
        "{forwardAuth: {address: 'https://a', tls: {caSecret: nonsense-ca}}}",
        "spec.forwardAuth.tls.caSecret",
        "certificate",
    ),
    ("{forwardAuth: {address: 'https://a', tls: {certSecret: absent}}}", "spec.forwardAuth.tls.certSecret", "absent"),
    (
        "{forwardAuth: {address: 'https://a', tls: {certSecret: pair}}}",
        "spec.forwardAuth.tls.certSecret",
        "certificate",
    ),
    // Addresses.
    ("{ipAllowList: {}}", "spec.ipAllowList.sourceRange", "missing"),
    ("{ipAllowList: {sourceRange: []}}", "spec.ipAllowList.sourceRange", "is empty"),
    ("{ipAllowList: {sourceRange: [10.0.0.0/33]}}", "spec.ipAllowList.sourceRange[0]", "\"10.0.0.0/33\""),
    ("{ipAllowList: {sourceRange: ['::1', here]}}", "spec.ipAllowList.sourceRange[1]", "\"here\""),
    ("{ipAllowList: {sourceRange: ['::1'], rejectStatusCode: 1000}}", "spec.ipAllowList.rejectStatusCode", "1000"),
    ("{ipAllowList: {sourceRange: ['::1'], rejectStatusCode: 299}}", "spec.ipAllowList.rejectStatusCode", "299"),
    ("{ipAllowList: {sourceRange: ['::1'], ipStrategy: {depth: -1}}}", "spec.ipAllowList.ipStrategy.depth", "-1"),
    (
        "{ipAllowList: {sourceRange: ['::1'], ipStrategy: {excludedIPs: [x]}}}",
        "spec.ipAllowList.ipStrategy.excludedIPs[0]",
        "\"x\"",
    ),
    (
        "{ipAllowList: {sourceRange: ['::1'], ipStrategy: {ipv6Subnet: 129}}}",
        "spec.ipAllowList.ipStrategy.ipv6Subnet",
        "129",
    ),
    (
        "{ipAllowList: {sourceRange: ['::1'], ipStrategy: {ipv6Subnet: 0}}}",
        "spec.ipAllowList.ipStrategy.ipv6Subnet",
        "0",
    ),
    ("{ipWhiteList: {}}", "spec.ipWhiteList.sourceRange", "missing"),
    ("{ipWhiteList: {sourceRange: []}}", "spec.ipWhiteList.sourceRange", "is empty"),
    ("{ipWhiteList: {sourceRange: [x]}}", "spec.ipWhiteList.sourceRange[0]", "\"x\""),
    (
        "{ipWhiteList: {sourceRange: ['::1'], ipStrategy: {excludedIPs: [x]}}}",
        "spec.ipWhiteList.ipStrategy.excludedIPs[0]",
        "\"x\"",
    ),
    (
        "{ipWhiteList: {sourceRange: ['::1'], rejectStatusCode: 404}}",
        "spec.ipWhiteList.rejectStatusCode",
        "no such field",
    ),
    // Limits.
    ("{rateLimit: {average: -1}}", "spec.rateLimit.average", "-1"),
    ("{rateLimit: {average: many}}", "spec.rateLimit.average", "\"many\""),
    ("{rateLimit: {average: 1, burst: -1}}", "spec.rateLimit.burst", "-1"),
    ("{rateLimit: {average: 1, period: soon}}", "spec.rateLimit.period", "\"soon\""),
    ("{rateLimit: {average: 1, period: -1s}}", "spec.rateLimit.period", "negative"),
    (
        "{rateLimit: {sourceCriterion: {requestHost: true, ipStrategy: {}}}}",
        "spec.rateLimit.sourceCriterion",
        "ipStrategy and requestHost",
    ),
    (
        "{rateLimit: {sourceCriterion: {requestHeaderName: 'a b'}}}",
        "spec.rateLimit.sourceCriterion.requestHeaderName",
        "not a header name",
    ),
    (
        "{rateLimit: {sourceCriterion: {ipStrategy: {depth: -1}}}}",
        "spec.rateLimit.sourceCriterion.ipStrategy.depth",
        "-1",
    ),
    (
        "{rateLimit: {sourceCriterion: {ipStrategy: {excludedIPs: [x]}}}}",
        "spec.rateLimit.sourceCriterion.ipStrategy.excludedIPs[0]",
        "\"x\"",
    ),
    ("{rateLimit: {redis: {endpoints: [redis]}}}", "spec.rateLimit.redis.endpoints[0]", "\"redis\""),
    ("{rateLimit: {redis: {endpoints: ['a:1', 'b:99999']}}}", "spec.rateLimit.redis.endpoints[1]", "\"b:99999\""),
    ("{rateLimit: {redis: {secret: absent}}}", "spec.rateLimit.redis.secret", "absent"),
    ("{rateLimit: {redis: {secret: basic}}}", "spec.rateLimit.redis.secret", "username"),
    ("{rateLimit: {redis: {db: -1}}}", "spec.rateLimit.redis.db", "-1"),
    ("{rateLimit: {redis: {poolSize: -1}}}", "spec.rateLimit.redis.poolSize", "-1"),
    ("{rateLimit: {redis: {poolSize: 100000}}}", "spec.rateLimit.redis.poolSize", "100000"),
    ("{rateLimit: {redis: {minIdleConns: -1}}}", "spec.rateLimit.redis.minIdleConns", "-1"),
    ("{rateLimit: {redis: {maxActiveConns: -1}}}", "spec.rateLimit.redis.maxActiveConns", "-1"),
    ("{rateLimit: {redis: {readTimeout: soon}}}", "spec.rateLimit.redis.readTimeout", "\"soon\""),
    ("{rateLimit: {redis: {writeTimeout: -1s}}}", "spec.rateLimit.redis.writeTimeout", "-1s"),
    ("{rateLimit: {redis: {dialTimeout: [1]}}}", "spec.rateLimit.redis.dialTimeout", "list"),
    ("{rateLimit: {redis: {tls: {caSecret: absent}}}}", "spec.rateLimit.redis.tls.caSecret", "absent"),
    (
        "{rateLimit: {redis: {tls: {caSecret: nonsense-ca}}}}",
        "spec.rateLimit.redis.tls.caSecret",
        "holds no certificate",
    ),
    ("{rateLimit: {redis: {tls: {certSecret: absent}}}}", "spec.rateLimit.redis.tls.certSecret", "absent"),
    ("{inFlightReq: {amount: -1}}", "spec.inFlightReq.amount", "-1"),
    (
        "{inFlightReq: {amount: 1, sourceCriterion: {requestHeaderName: X, requestHost: true}}}",
        "spec.inFlightReq.sourceCriterion",
        "requestHeaderName and requestHost",
    ),
    (
        "{inFlightReq: {amount: 1, sourceCriterion: {requestHeaderName: 'a b'}}}",
        "spec.inFlightReq.sourceCriterion.requestHeaderName",
        "not a header name",
    ),
    (
        "{inFlightReq: {amount: 1, sourceCriterion: {ipStrategy: {ipv6Subnet: 200}}}}",
        "spec.inFlightReq.sourceCriterion.ipStrategy.ipv6Subnet",
        "200",
    ),
    ("{buffering: {maxRequestBodyBytes: -1}}", "spec.buffering.maxRequestBodyBytes", "-1"),
    ("{buffering: {memRequestBodyBytes: -1}}", "spec.buffering.memRequestBodyBytes", "-1"),
    ("{buffering: {maxResponseBodyBytes: -1}}", "spec.buffering.maxResponseBodyBytes", "-1"),
    ("{buffering: {memResponseBodyBytes: -1}}", "spec.buffering.memResponseBodyBytes", "-1"),
    ("{buffering: {retryExpression: Attempts() <}}", "spec.buffering.retryExpression", "the end"),
    ("{circuitBreaker: {expression: ''}}", "spec.circuitBreaker.expression", "is empty"),
    ("{circuitBreaker: {expression: NetworkErrorRatio()}}", "spec.circuitBreaker.expression", "not compared"),
    ("{circuitBreaker: {expression: NetworkErrorRatio() > 1}}", "spec.circuitBreaker.expression", "with a point"),
    ("{circuitBreaker: {expression: LatencyAtQuantileMS(50) > 1}}", "spec.circuitBreaker.expression", "with a point"),
    ("{circuitBreaker: {expression: ErrorRatio() > 0.1}}", "spec.circuitBreaker.expression", "no function ErrorRatio"),
    ("{circuitBreaker: {expression: NetworkErrorRatio() > 0.1 and}}", "spec.circuitBreaker.expression", "`and`"),
    (
        "{circuitBreaker: {expression: NetworkErrorRatio() > 0.1, responseCode: 99}}",
        "spec.circuitBreaker.responseCode",
        "99",
    ),
    (
        "{circuitBreaker: {expression: NetworkErrorRatio() > 0.1, responseCode: 101}}",
        "spec.circuitBreaker.responseCode",
        "101",
    ),
    (
        "{circuitBreaker: {expression: NetworkErrorRatio() > 0.1, checkPeriod: soon}}",
        "spec.circuitBreaker.checkPeriod",
        "\"soon\"",
    ),
    (
        "{circuitBreaker: {expression: NetworkErrorRatio() > 0.1, fallbackDuration: soon}}",
        "spec.circuitBreaker.fallbackDuration",
        "\"soon\"",
    ),
    (
        "{circuitBreaker: {expression: NetworkErrorRatio() > 0.1, recoveryDuration: soon}}",
        "spec.circuitBreaker.recoveryDuration",
        "\"soon\"",
    ),
    // Bodies.
    ("{compress: {encodings: [lz]}}", "spec.compress.encodings[0]", "\"lz\""),
    ("{compress: {encodings: [gzip], defaultEncoding: br}}", "spec.compress.defaultEncoding", "\"br\""),
    (
        "{compress: {excludedContentTypes: [a/b], includedContentTypes: [c/d]}}",
        "spec.compress.includedContentTypes",
        "one of them",
    ),
    ("{compress: {minResponseBodyBytes: -1}}", "spec.compress.minResponseBodyBytes", "-1"),
    ("{errors: {status: ['500']}}", "spec.errors.service", "absent"),
    ("{errors: {status: ['500'], service: {name: absent, port: 80}}}", "spec.errors.service.name", "absent"),
    ("{errors: {status: ['600'], service: {name: pages, port: 80}}}", "spec.errors.status[0]", "600"),
    ("{errors: {status: ['500,502'], service: {name: pages, port: 80}}}", "spec.errors.status[0]", "\"500,502\""),
    (
        "{errors: {status: ['500'], statusRewrites: {x: 404}, service: {name: pages, port: 80}}}",
        "spec.errors.statusRewrites.x",
        "\"x\"",
    ),
    ("{retry: {attempts: 0}}", "spec.retry.attempts", "0"),
    ("{retry: {attempts: -1}}", "spec.retry.attempts", "-1"),
    ("{retry: {attempts: 2, initialInterval: soon}}", "spec.retry.initialInterval", "\"soon\""),
    ("{retry: {attempts: 2, timeout: soon}}", "spec.retry.timeout", "\"soon\""),
    ("{retry: {attempts: 2, status: ['500-']}}", "spec.retry.status[0]", "\"500-\""),
    ("{retry: {attempts: 2, maxRequestBodyBytes: -2}}", "spec.retry.maxRequestBodyBytes", "-2"),
    (
        "{retry: {attempts: 2, disableRetryOnNetworkError: true}}",
        "spec.retry.disableRetryOnNetworkError",
        "nothing to retry on",
    ),
    ("{contentType: {autoDetect: 'maybe'}}", "spec.contentType.autoDetect", "\"maybe\""),
    ("{grpcWeb: {allowOrigins: '*'}}", "spec.grpcWeb.allowOrigins", "list"),
    ("{grpcWeb: {allowOrigins: ['*', '']}}", "spec.grpcWeb.allowOrigins[1]", "no origin"),
    ("{encodedCharacters: {allowEncodedSlash: 1}}", "spec.encodedCharacters.allowEncodedSlash", "number 1"),
    ("{encodedCharacters: {allowEncodedSlas: true}}", "spec.encodedCharacters.allowEncodedSlas", "allowEncodedSlash"),
    // The rest.
    ("{chain: {middlewares: [{name: absent}]}}", "spec.chain.middlewares[0].name", "absent"),
    ("{chain: {middlewares: [{name: m0, namespace: other}]}}", "spec.chain.middlewares[0].namespace", "other"),
    ("{chain: {middlewares: [absent]}}", "spec.chain.middlewares[0]", "\"absent\""),
    ("{passTLSClientCert: {pem: 'maybe'}}", "spec.passTLSClientCert.pem", "\"maybe\""),
    (
        "{passTLSClientCert: {info: {subject: {commonName: 1}}}}",
        "spec.passTLSClientCert.info.subject.commonName",
        "number 1",
    ),
    (
        "{passTLSClientCert: {info: {issuer: {organizationalUnit: true}}}}",
        "spec.passTLSClientCert.info.issuer.organizationalUnit",
        "no such field",
    ),
    ("{plugin: {a: {}, b: {}}}", "spec.plugin", "a and b"),
    ("{plugin: {absent: {}}}", "spec.plugin.absent", "no filter of this name"),
    ("{plugin: {a: {b: 'urn:k8s:secret:absent:key'}}}", "spec.plugin.a.b", "absent"),
];

#[test]
fn each_wrong_option_is_named() {
    let documents = WRONG.iter().enumerate().map(|(i, (spec, _, _))| {
        format!("---\napiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {{name: m{i}}}\nspec: {spec}\n")
    });
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("all.yaml"), NEIGHBOURS.to_owned() + &documents.collect::<String>()).unwrap();
    let report: Value = serde_json::from_str(&report(dir.path(), None)).unwrap();
    let mut told: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for diagnostic in report["diagnostics"].as_array().unwrap() {
        let text = |pointer: &str| diagnostic.pointer(pointer).and_then(Value::as_str).unwrap();
        assert_ne!(text("/severity"), "info", "{diagnostic}");
        told.entry(text("/object/name").to_owned()).or_default().push((text("/path"), text("/message")));
    }
    let mut wrong = String::new();
    for (i, (spec, path, words)) in WRONG.iter().enumerate() {
        let told = told.remove(&format!("m{i}")).unwrap_or_default();
        if !told.iter().any(|(p, message)| p == path && message.contains(words)) {
            wrong += &format!("{spec}\n  {path}: {words}\n  told: {told:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(told.is_empty(), "the neighbours are told of: {told:?}");
    assert!(WRONG.len() >= 120, "{}", WRONG.len());
}
