#include "source/explain/question.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "absl/strings/numbers.h"
#include "source/explain/texts.h"
#include "source/http/syntax.h"

namespace pillion::explain {
namespace {

absl::Status Wrong(std::string_view name, std::string_view value, std::string_view expected) {
  return absl::InvalidArgumentError(fmt::format("{}: {}, expected {}", name, Quoted(value), expected));
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  http::CopyLowerCase(text, lower.data());
  return lower;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  http::ForEachListElement(text, [&](std::string_view part) {
    parts.emplace_back(part);
    return true;
  });
  return parts;
}

// "192.0.2.1:80", or without the port.
std::optional<net::Address> ParseAddress(std::string_view text) {
  if (std::optional<net::Address> address = net::Address::IpAndPort(text)) return address;
  return net::Address::Ip(text, 0);
}

// What belongs to one connection, or to a codec; said by other parameters, or never.
bool IsOfConnection(std::string_view name) {
  constexpr std::string_view kNames[] = {"connection", "keep-alive", "proxy-connection", "transfer-encoding",
                                         "content-length", "expect"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

absl::Status SetHeader(std::string_view value, Question& question) {
  const size_t colon = value.find(':', 1);
  const std::string name = LowerCase(http::TrimBlanks(value.substr(0, colon)));
  if (colon == value.npos || !http::IsToken(name)) return Wrong("header", value, "NAME:VALUE, as x-version:2");
  const std::string_view text = http::TrimBlanks(value.substr(colon + 1));
  if (!http::IsFieldValue(text)) return Wrong("header", value, "a value without control characters");
  if (IsOfConnection(name)) {
    return Wrong("header", value, "a field that a route can see: this one is for one connection only");
  }
  if (name == "host") {
    question.authority = text;
  } else if (name == "upgrade") {
    question.upgrade = LowerCase(text);
  } else {
    question.headers.emplace_back(name, text);
  }
  return absl::OkStatus();
}

absl::Status SetPort(std::string_view value, Question& question) {
  uint32_t port = 0;
  if (!absl::SimpleAtoi(absl::string_view(value.data(), value.size()), &port) || port == 0 || port > UINT16_MAX) {
    return Wrong("port", value, "a number from 1 to 65535");
  }
  question.port = static_cast<uint16_t>(port);
  return absl::OkStatus();
}

absl::Status SetRandom(std::string_view value, Question& question) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(absl::string_view(value.data(), value.size()), &number)) {
    return Wrong("random", value, "a number from 0 to 2^64 - 1");
  }
  question.random = number;
  return absl::OkStatus();
}

absl::Status AddLabel(std::string_view value, Question& question) {
  const size_t equals = value.find('=');
  if (equals == 0 || equals == value.npos || equals + 1 == value.size()) {
    return Wrong("colour", value, "KEY=VALUE, as env=gray");
  }
  std::pair<std::string, std::string> label(value.substr(0, equals), value.substr(equals + 1));
  const auto place = std::ranges::lower_bound(question.colour, label.first, {}, &decltype(label)::first);
  if (place != question.colour.end() && place->first == label.first) {
    return Wrong("colour", value, fmt::format("one value of {}, but there is {}, too", label.first, Quoted(place->second)));
  }
  question.colour.insert(place, std::move(label));
  return absl::OkStatus();
}

absl::Status SetTls(std::string_view value, Question& question) {
  if (value != "true" && value != "false") return Wrong("tls", value, "true or false");
  question.plain = value == "false";
  question.tls = !question.plain;
  return absl::OkStatus();
}

// A client without TLS has nothing of what only TLS can say.
absl::Status CheckPlain(const Question& question) {
  if (!question.plain) return absl::OkStatus();
  const auto contradicts = [](std::string_view name, std::string_view value) {
    return absl::InvalidArgumentError(
        fmt::format("tls: \"false\", but {}: {}, which a client has by TLS only; expected one of the two", name,
                    Quoted(value)));
  };
  if (!question.principals.empty()) return contradicts("principal", question.principals.front());
  if (!question.sni.empty()) return contradicts("sni", question.sni);
  if (!question.alpn.empty()) return contradicts("alpn", question.alpn.front());
  return absl::OkStatus();
}

using Set = absl::Status (*)(std::string_view value, Question& question);
struct Known {
  std::string_view name;
  Set set;
};

constexpr Known kKnown[] = {
    {"listener",
     [](std::string_view value, Question& question) {
       question.listener = value;
       return absl::OkStatus();
     }},
    {"address",
     [](std::string_view value, Question& question) {
       question.address = value.starts_with('/') || value.starts_with('@') ? net::Address::Unix(value)
                                                                           : net::Address::IpAndPort(value);
       return question.address ? absl::OkStatus() : Wrong("address", value, "IP:PORT, as 10.0.0.1:8080, or a socket's path");
     }},
    {"port", SetPort},
    {"source",
     [](std::string_view value, Question& question) {
       const std::optional<net::Address> address = ParseAddress(value);
       if (!address) return Wrong("source", value, "an IP address, with or without a port, as 10.0.0.1 or [::1]:5000");
       question.source = *address;
       return absl::OkStatus();
     }},
    {"destination",
     [](std::string_view value, Question& question) {
       question.destination = net::Address::IpAndPort(value);
       return question.destination ? absl::OkStatus() : Wrong("destination", value, "IP:PORT, as 10.0.0.1:8080");
     }},
    {"tls", SetTls},
    {"sni",
     [](std::string_view value, Question& question) {
       question.sni = LowerCase(value);
       question.tls = true;
       return absl::OkStatus();
     }},
    {"alpn",
     [](std::string_view value, Question& question) {
       question.alpn = Split(value);
       question.tls = true;
       return absl::OkStatus();
     }},
    {"principal",
     [](std::string_view value, Question& question) {
       question.principals.emplace_back(value);
       question.tls = true;
       return absl::OkStatus();
     }},
    {"method",
     [](std::string_view value, Question& question) {
       if (!http::IsToken(value)) return Wrong("method", value, "a method, as GET");
       question.method = value;
       return absl::OkStatus();
     }},
    {"path",
     [](std::string_view value, Question& question) {
       if (value != "*" && (!value.starts_with('/') || !http::IsTarget(value))) {
         return Wrong("path", value, "a path that begins with '/', as a request has it: no blanks, no '#'");
       }
       question.path = value;
       return absl::OkStatus();
     }},
    {"authority",
     [](std::string_view value, Question& question) {
       if (!http::IsAuthority(value)) return Wrong("authority", value, "HOST or HOST:PORT, as pay.test or 10.0.0.1:80");
       question.authority = value;
       return absl::OkStatus();
     }},
    {"header", SetHeader},
    {"colour", AddLabel},
    {"random", SetRandom},
};

std::string KnownNames() {
  std::string names;
  for (const Known& known : kKnown) names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
  return names;
}

}  // namespace

absl::StatusOr<Question> ParseQuestion(const Parameters& parameters) {
  Question question;
  question.source = *net::Address::Ip("127.0.0.1", 0);
  for (const auto& [name, value] : parameters) {
    const auto known = std::ranges::find(kKnown, name, &Known::name);
    if (known == std::end(kKnown)) {
      return absl::InvalidArgumentError(
          fmt::format("{}: no such parameter, expected one of {}", Quoted(name), KnownNames()));
    }
    if (value.empty()) continue;
    if (absl::Status status = known->set(value, question); !status.ok()) return status;
  }
  if (absl::Status status = CheckPlain(question); !status.ok()) return status;
  if (question.plain) question.tls = false;  // beside lists that are empty
  if (question.method == "CONNECT") question.path.clear();
  return question;
}

}  // namespace pillion::explain
