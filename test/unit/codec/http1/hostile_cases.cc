#include "test/unit/codec/http1/hostile_cases.h"

#include <string_view>

namespace pillion::codec::http1 {
namespace {

using namespace std::string_literals;

// A whole request that must never be seen where it stands in a body.
const std::string kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

const std::string kError = "error 400 http1.codec_error\n";
const std::string kBadCoding = "error 400 http1.invalid_transfer_encoding\n";
const std::string kUnsupportedCoding = "error 501 http1.invalid_transfer_encoding\n";
const std::string kConflict = "error 400 http1.content_length_and_chunked_not_allowed\n";
const std::string kBadCharacter = "error 400 http1.invalid_characters\n";
const std::string kBadTarget = "error 400 http1.invalid_url\n";
const std::string kBadAuthority = "error 400 http.invalid_authority\n";

// A POST with these field lines and this body.
std::string Post(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n\r\n" + body;
}

std::string Chunked(const std::string& body) {
  return Post("Transfer-Encoding: chunked", body);
}

std::string Get(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n\r\n";
}

std::string WithHost(const std::string& host) {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

std::string WithTarget(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

std::string Posted(const std::string& rest) {
  return "request POST http 'h' '/' HTTP/1.1" + rest;
}
std::string Got(const std::string& rest) {
  return "request GET http 'h' '/' HTTP/1.1" + rest;
}

}  // namespace

std::vector<HostileCase> HostileRequests() {
  std::vector<HostileCase> cases = {
      {"A1", Post("Content-Length: 46\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + kSmuggled), kConflict},
      {"A2", Post("Transfer-Encoding: chunked\r\nContent-Length: 4", "23\r\n" + kSmuggled + "\r\n0\r\n\r\n"),
       kConflict},
      {"A3", Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 3", "abc"),
       kError},
      {"A3 without length", Post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
       kBadCoding},
      {"A4", Post("Transfer-Encoding: xchunked\r\nContent-Length: 3", "abc"), kConflict},
      {"A4 without length", Post("Transfer-Encoding: xchunked", "0\r\n\r\n"), kUnsupportedCoding},
      {"A5", Post("Transfer-Encoding : chunked\r\nContent-Length: 3", "abc"), kError},
      {"A6", Post("Transfer-Encoding\t: chunked", "0\r\n\r\n"), kError},
      {"A7", Post("Transfer-Encoding: chunked, identity", "0\r\n\r\n"), kError},
      {"A8", Post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), kError},
      {"A8 two fields", Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), kError},
      {"A9", Post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), kUnsupportedCoding},
      {"A10 VT", Post("Transfer-Encoding:\vchunked", "0\r\n\r\n"), kError},
      {"A10 FF", Post("Transfer-Encoding:\fchunked", "0\r\n\r\n"), kError},
      {"A10 NBSP",
       Post("Transfer-Encoding:\xa0"
            "chunked",
            "0\r\n\r\n"),
       kBadCoding},
      {"A11", Post("Transfer-Encoding: chunked\0"s, "0\r\n\r\n"), kBadCharacter},
      {"A12 quoted", Post("Transfer-Encoding: \"chunked\"", "0\r\n\r\n"), kBadCoding},
      {"A12 parameter", Post("Transfer-Encoding: chunked;q=1", "0\r\n\r\n"), kBadCoding},
      {"A13", Post("Transfer-Encoding:\r\n chunked\r\nContent-Length: 3", "abc"), kError},
      {"A14", Post("X: y\nTransfer-Encoding: chunked\r\nContent-Length: 3", "abc"), kError},
      {"A15", Post("X: y\rTransfer-Encoding: chunked", "0\r\n\r\n"), kError},
      {"A16", Post("Transfer-Encoding:\r\nContent-Length: 3", "abc"), kBadCoding},
      {"A16 without length", Post("Transfer-Encoding: ", "0\r\n\r\n"), kBadCoding},
      {"A17", Post("Transfer-Encoding: chunked,\r\nContent-Length: 3", "abc"), kError},
      {"A17 without length", Post("Transfer-Encoding: chunked,", "0\r\n\r\n"), kError},
      {"A18", Post("Transfer_Encoding: chunked\r\nContent-Length: 3", "abc"),
       Posted(" transfer_encoding=chunked; content-length=3;\ndata abc\nend\n")},
      {"A20", Post("Content-Length: 5\r\nContent-Length: 46", "hello"), kError},
      {"A21 two fields", Post("Content-Length: 5\r\nContent-Length: 5", "hello"), kError},
      {"A21 list", Post("Content-Length: 5, 5", "hello"), kError},
      {"A22", Post("Content-Length: 5, 0", "hello"), kError},
      {"A24", Post("Content-Length: 18446744073709551621", "hello"), kError},
      {"A25", Post("Content-Length: 9223372036854775813", "hello"), kError},
      {"A26", Post("Content-Length: 0000000005", "hello"), Posted(" content-length=5;\ndata hello\nend\n")},
      {"A26 zero", Post("Content-Length: 0000"), Posted(" content-length=0;\nend\n")},
      {"A26 20 digits", Post("Content-Length: 00000000000000000005", "hello"), kError},
      {"A27", Post("Content-Length : 35", kSmuggled), kError},
      {"A28", Get("Content-Length: " + std::to_string(kSmuggled.size())) + kSmuggled,
       Got(" content-length=35;\ndata " + kSmuggled + "\nend\n")},
      {"A29", Post("Content-Length: 0", "X"), Posted(" content-length=0;\nend\n" + kError)},
      {"A31", Chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A33", Chunked("5 \r\nhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A34", Chunked("5\nhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A35", Chunked("5;x\nhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A36", Chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A37", Chunked("5\rhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A38", Chunked("5\r\nhelloXX0\r\n\r\n"), Posted("\ndata hello\n" + kError)},
      {"A39", Chunked("5\r\nhelloworld\r\n0\r\n\r\n"), Posted("\ndata hello\n" + kError)},
      {"A40", Chunked("5\r\nhello\n0\r\n\r\n"), Posted("\ndata hello\n" + kError)},
      {"A41", Chunked("0\n\n"), Posted("\n" + kError)},
      {"A41 half", Chunked("0\r\n\n"), Posted("\n" + kError)},
      {"A43", Chunked(std::string(1024, '0') + "5\r\nhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A43 17 digits", Chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A43 17 digits, extension", Chunked("00000000000000005;a\r\nhello\r\n0\r\n\r\n"), Posted("\n" + kError)},
      {"A43 17 digits, second", Chunked("1\r\na\r\n00000000000000005\r\nhello\r\n0\r\n\r\n"),
       Posted("\ndata a\n" + kError)},
      {"A43 16 digits",
       Chunked("0000000000000005\r\nhello\r\n0000000000000005;a\r\nhello\r\n0000000000000000\r\n\r\n"),
       Posted("\ndata hellohello\nend\n")},
      {"A43 last", Chunked("5\r\nhello\r\n00000000000000000\r\n\r\n"), Posted("\ndata hello\n" + kError)},
      {"A43 last, trailers", Chunked("5\r\nhello\r\n00000000000000000\r\na: b\r\n\r\n"),
       Posted("\ndata hello\n" + kError)},
      {"A44",
       Chunked("1\r\na\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n"
               "Authorization: x\r\nX-Forwarded-For: 1.1.1.1\r\nx-sum: 1\r\n\r\n"),
       Posted("\ndata a\ntrailers x-sum=1;\nend\n")},
      {"A45 folded", Chunked("1\r\na\r\n0\r\na: b\r\n c\r\n\r\n"), Posted("\ndata a\n" + kError)},
      {"A45 no colon", Chunked("1\r\na\r\n0\r\nab\r\n\r\n"), Posted("\ndata a\n" + kError)},
      {"A45 space", Chunked("1\r\na\r\n0\r\nx a: b\r\n\r\n"), Posted("\ndata a\n" + kError)},
      {"A45 space before colon", Chunked("1\r\na\r\n0\r\nx : b\r\n\r\n"), Posted("\ndata a\n" + kError)},
      {"A45 LF", Chunked("1\r\na\r\n0\r\nx: b\n\r\n"), Posted("\ndata a\n" + kError)},

      {"B1", "GET / HTTP/1.1\nHost: h\n\n", kError},
      {"B1 fields", "GET / HTTP/1.1\r\nHost: h\n\r\n", kError},
      {"B1 end", "GET / HTTP/1.1\r\nHost: h\r\n\n", kError},
      {"B2", "GET / HTTP/1.1\rHost: h\r\n\r\n", kError},
      {"B3", Get("X: a\rX-Evil: b"), kError},
      {"B4", Get("X: a\0b"s), kBadCharacter},
      {"B5 NUL", Get("X\0a: b"s), kBadCharacter},
      {"B5 SP", Get("X a: b"), kError},
      {"B5 (", Get("X(a: b"), kError},
      {"B5 ESC",
       Get("X\x1b"
           "a: b"),
       kError},
      {"B5 non-ASCII",
       Get("X\xc3"
           "a: b"),
       kError},
      {"B5 empty", Get(": v"), kError},
      {"B5 no colon", Get("X-A"), kError},
      {"B7",
       Get("X: a\x80\xff"
           "b"),
       Got(" x=a\x80\xff"
           "b;\nend\n")},
      {"B8", Get("X-A: a\r\n X-Evil: b"), kError},
      {"B8 tab", Get("X-A: a\r\n\tX-Evil: b"), kError},
      {"B9", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", kError},
      {"B10", Get("X-A : a"), kError},
      {"B10 tab", Get("X-A\t: a"), kError},
      {"B11", "\r\n" + Get("A: b"), Got(" a=b;\nend\n")},
      {"B11 four", "\r\n\r\n\r\n\r\n" + Get("A: b"), Got(" a=b;\nend\n")},
      {"B11 five", "\r\n\r\n\r\n\r\n\r\n" + Get("A: b"), kError},
      {"B11 LF", "\n" + Get("A: b"), kError},
      {"B11 CR", "\r" + Get("A: b"), kError},
      {"B11 CR CR", "\r\r\n" + Get("A: b"), kError},
      {"B12 two blanks", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B12 two blanks behind", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B12 tab", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B12 tab behind", "GET /\tHTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B12 trailing", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", kError},
      {"B12 leading", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B12 blank in target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B13", "GET /\r\n\r\n", kError},
      {"B13 with fields", "GET /\r\nHost: h\r\n\r\n", kError},
      {"B13 version", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", kError},
      {"B14 1.11", "GET / HTTP/1.11\r\nHost: h\r\n\r\n", kError},
      {"B14 11.1", "GET / HTTP/11.1\r\nHost: h\r\n\r\n", kError},
      {"B14 lower case", "GET / http/1.1\r\nHost: h\r\n\r\n", kError},
      {"B14 blank", "GET / HTTP/ 1.1\r\nHost: h\r\n\r\n", kError},
      {"B14 ICE", "GET / ICE/1.0\r\nHost: h\r\n\r\n", kError},
      {"B14 ICE SOURCE", "SOURCE / ICE/1.0\r\nHost: h\r\n\r\n", kError},
      {"B14 RTSP", "OPTIONS / RTSP/1.0\r\nHost: h\r\n\r\n", kError},
      {"B15", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "error 505 http1.codec_error\n"},
      {"B16", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", kError},
      {"B17", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B17 unknown", "FOO / HTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B17 long", std::string(200 * 1024, 'G') + " / HTTP/1.1\r\nHost: h\r\n\r\n", kError},
      {"B19", WithTarget("/\xc3\xa9"), kError},
      {"B20", "GET / HTTP/1.1\r\nA: b\r\n\r\n", "error 400 missing_host_header\n"},
      {"B20 empty", WithHost(""), "error 400 missing_host_header\n"},
      {"B21 different", Get("Host: g"), kError},
      {"B21 equal", Get("Host: h"), kError},
      {"B22 NUL", WithHost("h\0"s), kBadCharacter},
      {"B23", "GET / HTTP/1.1\r\nHost: h\r\n .test\r\n\r\n", kError},
      {"B24", "GET http://real/ HTTP/1.1\r\nHost: evil\r\n\r\n", "request GET http 'real' '/' HTTP/1.1\nend\n"},
      {"B24 no path", "GET http://real:8080 HTTP/1.1\r\nHost: evil\r\n\r\n",
       "request GET http 'real:8080' '/' HTTP/1.1\nend\n"},
      {"B24 query only", "GET HTTP://real?a=b HTTP/1.1\r\nHost: evil\r\n\r\n",
       "request GET http 'real' '/?a=b' HTTP/1.1\nend\n"},
      {"B24 two hosts", "GET http://real/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", kError},
      {"B24 no host", "GET http://real/ HTTP/1.1\r\n\r\n", "error 400 missing_host_header\n"},
      {"B25 userinfo", WithTarget("http://u@h/"), kBadTarget},
      {"B25 port", WithTarget("http://h:99999999/"), kBadTarget},
      {"B25 gopher", WithTarget("gopher://h/"), kBadTarget},
      {"B25 no authority", WithTarget("http:///x"), kBadTarget},
      {"B26", WithTarget("https://h/"), kBadTarget},
      {"B27 *", WithTarget("*"), kBadTarget},
      {"B27 foo", WithTarget("foo"), kError},
      {"B27 @", WithTarget("@evil/x"), kError},
      {"B28", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "request OPTIONS http 'h' '*' HTTP/1.1\nend\n"},
      {"B28 absolute", "OPTIONS http://g HTTP/1.1\r\nHost: h\r\n\r\n",
       "request OPTIONS http 'g' '*' HTTP/1.1\nend\n"},
      {"B29", WithTarget("/a#b"), "error 400 path_normalization_failed\n"},
      {"B30", "CONNECT g:443 HTTP/1.1\r\nHost: h\r\n\r\n", "request CONNECT http 'g:443' '' HTTP/1.1\n"},
      {"B30 length", "CONNECT g:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
       "request CONNECT http 'g:443' '' HTTP/1.1\n"},
      {"B30 path", "CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n", kBadTarget},
      {"B30 no port", "CONNECT g HTTP/1.1\r\nHost: h\r\n\r\n", kBadTarget},
      {"B30 empty port", "CONNECT g: HTTP/1.1\r\nHost: h\r\n\r\n", kBadTarget},
      {"B30 bracketed", "CONNECT [::1] HTTP/1.1\r\nHost: h\r\n\r\n", kBadTarget},
      {"B33 junk", "\x01\x02\x03\xff junk\r\n\r\n", kError},
      {"B33 TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, kError},
      {"B33 HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", kError},

      {"C1",
       Get("Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nX-Keep: 1\r\nKeep-Alive: 5\r\nProxy-Connection: close"),
       Got(" x-keep=1;\nend\n")},
      {"C1 two fields", Get("Connection: X-Hop\r\nX-Hop: 1\r\nX-Keep: 1\r\nConnection: X-Other\r\nX-Other: 2"),
       Got(" x-keep=1;\nend\n")},
      {"C1 empty fields", Get("Connection: X-Hop\r\nConnection:\r\nX-Hop: 1\r\nConnection:"), Got("\nend\n")},
      {"C2", Post("Connection: Content-Length, Transfer-Encoding, Host, :path\r\nContent-Length: 3", "abc"),
       Posted(" content-length=3;\ndata abc\nend\n")},
      {"C2 chunked", Post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
       Posted("\nend\n")},
      {"C3", Get("Connection: x-forwarded-for, x-context\r\nX-Forwarded-For: 1.1.1.1\r\nX-Context: a"),
       Got("\nend\n")},
      {"C4", Get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"),
       Got("\nend\n")},
      {"C5", Get("Connection: upgrade\r\nUpgrade: foo/1") + "raw bytes", Got(" upgrade(foo/1)\n")},
      {"C7 no option", Get("Upgrade: websocket"), Got("\nend\n")},
      {"C7 POST", Post("Connection: upgrade\r\nUpgrade: websocket"), Posted("\nend\n")},
      {"C7 body", Post("Connection: upgrade\r\nUpgrade: foo\r\nContent-Length: 1", "a"),
       Posted(" content-length=1;\ndata a\nend\n")},
      {"C8", Post("Expect: 100-Continue\r\nContent-Length: 1", "a"),
       Posted(" expects content-length=1;\ndata a\nend\n")},
      {"C11", Post("Expect: foo\r\nContent-Length: 35", kSmuggled), "error 417 expectation_failed\n"},
      {"C11 list", Post("Expect: y 100-continue\r\nContent-Length: 35", kSmuggled),
       "error 417 expectation_failed\n"},
      {"C14", Get("A: 1") + "garbage\r\n\r\n" + Get("A: 2"), Got(" a=1;\nend\n" + kError)},
      {"te", Get("TE: trailers, deflate;q=0.5\r\nConnection: TE"), Got(" te=trailers;\nend\n")},
      {"te other", Get("TE: gzip"), Got("\nend\n")},
      {"many options", Get("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,1,2,3,4,5,6,7"),
       kError},

      {"E1", Get("X: " + std::string(61 * 1024, 'x')), "error 431 http1.headers_too_large\n"},
      {"E1 blanks", Get("X: " + std::string(61 * 1024, ' ') + "x"), "error 431 http1.headers_too_large\n"},
      {"E1 blanks behind the method", "GET" + std::string(61 * 1024, ' ') + "/ HTTP/1.1\r\n",
       "error 431 http1.headers_too_large\n"},
      {"E3 8000", WithTarget("/" + std::string(7999, 'a')),
       "request GET http 'h' '/" + std::string(7999, 'a') + "' HTTP/1.1\nend\n"},
      {"E3", WithTarget("/" + std::string(17000, 'a')), "error 414 http1.target_too_long\n"},
      {"E4", Get(std::string(61 * 1024, 'x') + ": a"), "error 431 http1.headers_too_large\n"},
  };
  for (const char* length :
       {"+5", "-5", "0x5", "5 5", "5_0", "", "5;", "5e0", "5.0", "\"5\"", "\xd9\xa5", "\v5"}) {
    cases.push_back({"A23", Post("Content-Length: "s + length, "hello"), kError});
  }
  for (const char* size : {"-5", "+5", "0x5", "0_5", " 5", "G", "", ";a"}) {
    cases.push_back({"A32", Chunked(size + "\r\nhello\r\n0\r\n\r\n"s), Posted("\n" + kError)});
  }
  cases.push_back({"A32 NUL", Chunked("5\0\r\nhello\r\n0\r\n\r\n"s), Posted("\n" + kBadCharacter)});
  for (int c = 1; c < 0x80; ++c) {
    if (c == '\t' || c == '\r' || c == '\n' || (c >= 0x20 && c != 0x7f)) continue;
    cases.push_back({"B6", Get("X: a"s + static_cast<char>(c) + "b"), kError});
  }
  for (int c = 0; c < 0x80; ++c) {
    if (c > 0x20 && c != 0x7f) continue;
    cases.push_back({"B18", WithTarget("/a"s + static_cast<char>(c) + "b"), c == 0 ? kBadCharacter : kError});
  }
  for (const char* host : {"a b", "u@h", "h/x", "h, evil", "h:-1", "h:80evil", "h:65536", "[::1", "h#x", "h?x",
                           "h\\x", "[]", "[::1]x", "::1", ":80", "h:80:80", "h\xc3\xa9", "<h>"}) {
    cases.push_back({"B22", WithHost(host), kBadAuthority});
  }
  std::string many;
  for (int i = 0; i < 99; ++i) many += "a" + std::to_string(i) + ": b\r\n";
  std::string fields;
  for (int i = 0; i < 99; ++i) fields += " a" + std::to_string(i) + "=b;";
  cases.push_back({"E2 100", "GET / HTTP/1.1\r\nHost: h\r\n" + many + "\r\n", Got(fields + "\nend\n")});
  cases.push_back({"E2", Get(many + "x: y"), "error 431 http1.too_many_headers\n"});
  const std::string extension = ";" + std::string(31, 'e');
  std::string extended;
  for (int i = 0; i < 20000; ++i) extended += "1" + extension + "\r\na\r\n";
  // 16 KiB of lines with their line ends, 37 bytes each.
  cases.push_back(
      {"A42 many", Chunked(extended), Posted("\ndata " + std::string(16384 / 37, 'a') + "\n" + kError)});
  cases.push_back(
      {"A42", Chunked("1;" + std::string(64 * 1024, 'e') + "\r\na\r\n0\r\n\r\n"), Posted("\n" + kError)});
  std::string trailers;
  for (int i = 0; i < 60; ++i) trailers += "t" + std::to_string(i) + ": " + std::string(3500, 't') + "\r\n";
  cases.push_back({"A46", Chunked("1\r\na\r\n0\r\n" + trailers + "\r\n"),
                   Posted("\ndata a\nerror 431 http1.headers_too_large\n")});
  return cases;
}

std::vector<HostileResponse> HostileResponses() {
  const std::string error = "protocol error http1.codec_error\nstream end, not reusable\n";
  const std::string bad_coding = "protocol error http1.invalid_transfer_encoding\nstream end, not reusable\n";
  const std::string conflict =
      "protocol error http1.content_length_and_chunked_not_allowed\nstream end, not reusable\n";
  const std::string bad_character = "protocol error http1.invalid_characters\nstream end, not reusable\n";
  const std::string unexpected = "connection error http1.unexpected_data\n";
  const auto ok = [](const std::string& fields, const std::string& body = "") {
    return "HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\n" + body;
  };
  const auto got = [](const std::string& rest) { return "response 200 HTTP/1.1" + rest; };
  const std::string end = "end\nstream end\n";
  const std::string last = "end\nstream end, not reusable\n";
  std::vector<HostileResponse> cases = {
      {{"D1", ok("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), conflict}},
      {{"D1 reversed", ok("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"), conflict}},
      {{"D2 different", ok("Content-Length: 5\r\nContent-Length: 6", "hello"), error}},
      {{"D2 equal", ok("Content-Length: 5\r\nContent-Length: 5", "hello"), error}},
      {{"D2 negative", ok("Content-Length: -2", "hello"), error}},
      {{"D2 not a number", ok("Content-Length: 2x", "hello"), error}},
      {{"D3 NUL", ok("X: a\0b\r\nContent-Length: 0"s), bad_character}},
      {{"D3 CR", ok("X: a\rb: c\r\nContent-Length: 0"), error}},
      {{"D3 LF", ok("X: a\nb: c\r\nContent-Length: 0"), error}},
      {{"D3 in the reason", "HTTP/1.1 200 O\nK\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D4", ok("X: a\r\n b\r\nContent-Length: 0"), error}},
      {{"D5", ok("Transfer-Encoding : chunked", "0\r\n\r\n"), error}},
      {{"D6", ok("Transfer-Encoding: chunked", "5\r\nhello\r\nG\r\n"), got("\ndata hello\n" + error)}},
      {{"D6 overflow", ok("Transfer-Encoding: chunked", "5\r\nhello\r\n10000000000000005\r\n"),
        got("\ndata hello\n" + error)}},
      {{"D8", ok("Content-Length: 5", "hello" + ok("Content-Length: 0")),
        got(" content-length=5;\ndata hello\nend\n" + unexpected + "stream end, not reusable\n")}},
      {{"D10 204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        "response 204 HTTP/1.1\nend\n" + unexpected + "stream end, not reusable\n"}},
      {{"D10 204 chunked", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "response 204 HTTP/1.1\nend\n" + unexpected + "stream end, not reusable\n"}},
      {{"D10 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "response 304 HTTP/1.1 content-length=5;\n" + end}},
      {{"D10 HEAD", ok("Content-Length: 5"), got(" content-length=5;\n" + end)}, "HEAD"},
      {{"D10 HEAD with a body", ok("Content-Length: 5", "hello"),
        got(" content-length=5;\nend\n" + unexpected + "stream end, not reusable\n")},
       "HEAD"},
      {{"D10 HEAD chunked", ok("Transfer-Encoding: chunked"), got("\n" + end)}, "HEAD"},
      {{"D11", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n",
        "protocol error http1.unexpected_upgrade\nstream end, not reusable\n"}},
      {{"D11 another protocol", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n",
        "protocol error http1.unexpected_upgrade\nstream end, not reusable\n"},
       "GET",
       "websocket"},
      {{"D11 no option", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\n\r\n",
        "protocol error http1.unexpected_upgrade\nstream end, not reusable\n"},
       "GET",
       "foo"},
      {{"D13 099", "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 600", "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 1000", "HTTP/1.1 1000 X\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 20", "HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 abc", "HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", got(" content-length=0;\n" + end)}},
      {{"D13 two blanks", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 version", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 0.9", "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 RTSP", "RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D13 ICE", "ICE/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", error}},
      {{"D14 no status line", "Content-Length: 0\r\n\r\n", error}},
      {{"D14 empty lines", "\r\n" + ok("Content-Length: 0"), error}},
      {{"D14 request", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", error}},
      {{"D15 keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        "response 200 HTTP/1.0 content-length=0;\n" + end}},
      {{"D15 close", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "response 200 HTTP/1.0 content-length=0;\n" + last}},
      {{"D15 chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad_coding}},
      {{"D16 bytes", ok("X: " + std::string(200 * 1024, 'x')),
        "protocol error http1.headers_too_large\nstream end, not reusable\n"}},
      {{"D18", ok("Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: h2\r\nX: y\r\nContent-Length: 0"),
        got(" x=y; content-length=0;\n" + end)}},
      {{"close", ok("Connection: close\r\nContent-Length: 0"), got(" content-length=0;\n" + last)}},
      {{"other coding", ok("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), bad_coding}},
      {{"unframed coding", ok("Transfer-Encoding: gzip", "abc"), bad_coding}},
      {{"1xx",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 150 X\r\n"
        "Content-Length: 3\r\n\r\n" +
            ok("Content-Length: 0"),
        "informational 100\ninformational 103 link=x;\ninformational 150\n" + got(" content-length=0;\n" + end)}},
      {{"trailers", ok("Transfer-Encoding: chunked", "1\r\na\r\n0\r\nx-sum: 1\r\nset-cookie: a\r\n\r\n"),
        got("\ndata a\ntrailers x-sum=1;\n" + end)}},
  };
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "a: b\r\n";
  cases.push_back({{"D16 fields", "HTTP/1.1 200 OK\r\n" + many + "\r\n",
                    "protocol error http1.too_many_headers\nstream end, not reusable\n"}});
  std::string hints;
  for (int i = 0; i < 10000; ++i) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
  std::string told;
  for (int i = 0; i < 32; ++i) told += "informational 103\n";
  cases.push_back(
      {{"D12", hints + ok("Content-Length: 0"),
        told + "flood, fatal\nprotocol error http1.too_many_informational\nstream end, not reusable\n"}});
  return cases;
}

}  // namespace pillion::codec::http1
