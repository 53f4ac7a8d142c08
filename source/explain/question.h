#pragma once

// What is asked: a request and the connection that it would come by, as parameters say it.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "source/net/address.h"

namespace pillion::explain {

struct Question {
  // The listener: by name, by one of its addresses, by its port. None of them: the only one.
  std::string listener;
  std::optional<net::Address> address;
  std::optional<uint16_t> port;

  // The connection.
  net::Address source;                     // 127.0.0.1, where nothing is said
  std::optional<net::Address> destination;  // that it was meant for, where the system redirected it
  bool tls = false;                        // the client speaks it; also where one of the next three is said
  bool plain = false;                      // it is said that it does not
  std::string sni;                         // in lower case
  std::vector<std::string> alpn;
  std::vector<std::string> principals;     // names in its certificate: URIs, or DNS names where they have no "://"

  // The request.
  std::string method = "GET";
  std::string path = "/";
  std::string authority;
  std::string upgrade;                                          // in lower case; empty: none is asked for
  std::vector<std::pair<std::string, std::string>> headers;     // names in lower case
  std::vector<std::pair<std::string, std::string>> colour;      // labels, by key
  std::optional<uint64_t> random;  // the request's own number, by which chance decides
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

// InvalidArgument names the parameter, its value and what was expected. Empty values count as not given.
absl::StatusOr<Question> ParseQuestion(const Parameters& parameters);

}  // namespace pillion::explain
