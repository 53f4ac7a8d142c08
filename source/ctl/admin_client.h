#pragma once

// Asks the administration of a process that runs.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "source/net/address.h"

namespace pillion::ctl {

struct AdminTarget {
  net::Address address;
  std::string name;   // as it was given
  std::string token;  // empty: none
};

// "127.0.0.1:9901", "http://127.0.0.1:9901", "unix:///run/pillion/admin.sock", or the path of a socket. Nothing: it is none
// of these, and may be a file.
bool IsAdminAddress(std::string_view text);
// `token_file`: whose content is sent as a bearer token; empty: none is.
absl::StatusOr<AdminTarget> ParseAdminTarget(const std::string& text, const std::string& token_file);

// The body of the answer to GET. An error says what was answered, where that is no 200. Waits for `kMostWaiting`.
absl::StatusOr<std::string> AskAdmin(const AdminTarget& target, const std::string& path_and_query);

struct AdminAnswer {
  int status = 0;
  std::string body;
};
// The answer to POST, whatever it is. An error: there is none. Waits as AskAdmin() does.
absl::StatusOr<AdminAnswer> PostToAdmin(const AdminTarget& target, const std::string& path_and_query,
                                        std::string_view body);

// "?name=value&name=value", encoded.
std::string QueryOf(const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace pillion::ctl
