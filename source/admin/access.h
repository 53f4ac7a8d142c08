#pragma once

// Who may do what here: the roles of a client, by where it comes from and what it can show. Owned by the server's
// administration, outlives the admin server; main thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "source/config/address.h"
#include "source/config/admin_access.h"

namespace pillion::admin {

// "monitor", "read", "profile", "write".
std::string_view RoleName(config::AdminRole role);
// All of them: "monitor, read"; "no role".
std::string RolesText(config::AdminRoles roles);

// Of this machine alone: a loopback address, or a unix socket.
bool IsLocal(const config::Address& address);

// What is known of a connection.
struct Client {
  bool local = false;             // it comes from this machine
  std::optional<uint32_t> uid;    // of its process, by a unix socket
  std::optional<int32_t> pid;     // likewise, where it is of this pid namespace
  std::vector<std::string> uris;  // of a certificate that somebody vouches for
};

// For the log: its address, and of a unix socket the process.
std::string WhoText(const Client& client, const std::string& address);

class Access {
 public:
  // `configured`: whether somebody has chosen these grants; outlives this.
  Access(const config::AdminAccess& access, bool configured) : access_(access), configured_(configured) {}
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // Reads the files with tokens, now or again. Of one that is no good no token is taken; the error names the first.
  absl::Status ReadTokens();
  std::vector<std::string> token_files() const;

  // `authorization`: the field, or empty.
  config::AdminRoles RolesOf(const Client& client, std::string_view authorization) const;
  // Whether a token could help a client: then it is asked for one, and not just refused.
  bool TakesToken(std::string_view authorization) const;
  bool configured() const { return configured_; }
  // Null: plain HTTP.
  const config::RenewableContext* tls() const { return access_.tls.get(); }

 private:
  struct Tokens {
    std::string path;
    std::vector<std::string> texts;
  };

  bool IsToken(const std::string& path, std::string_view authorization) const;

  const config::AdminAccess& access_;
  const bool configured_;
  std::vector<Tokens> tokens_;
};

}  // namespace pillion::admin
