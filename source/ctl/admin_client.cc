#include "source/ctl/admin_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "source/config/read_file.h"
#include "source/identity/text.h"

namespace pillion::ctl {
namespace {

using identity::Concat;
using identity::Quote;

constexpr time_t kMostWaiting = 30;                       // seconds, for each step
constexpr size_t kMostBytes = size_t{256} * 1024 * 1024;  // of an answer

// Closed at its end.
class Socket {
 public:
  explicit Socket(int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval most{.tv_sec = kMostWaiting, .tv_usec = 0};
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) setsockopt(fd_, SOL_SOCKET, option, &most, sizeof most);
  }
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status Trouble(const AdminTarget& target, std::string_view what) {
  const bool late = errno == EAGAIN || errno == EWOULDBLOCK;
  const std::string why = late ? Concat("nothing within ", kMostWaiting, " s") : std::string(std::strerror(errno));
  return absl::UnavailableError(Concat(target.name, ": ", what, ": ", why));
}

absl::Status SendAll(const AdminTarget& target, int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return Trouble(target, "sending");
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadAll(const AdminTarget& target, int fd) {
  std::string all;
  char buffer[16384];
  for (;;) {
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0) return Trouble(target, "reading");
    if (size == 0) return all;
    all.append(buffer, static_cast<size_t>(size));
    if (all.size() > kMostBytes) return absl::UnavailableError(Concat(target.name, ": an answer without end"));
  }
}

// Of an answer in HTTP/1 whose connection was closed behind it.
absl::StatusOr<AdminAnswer> Parse(const AdminTarget& target, const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  AdminAnswer parsed;
  if (end == answer.npos || !answer.starts_with("HTTP/1.") || answer.size() < 12 ||
      std::from_chars(answer.data() + 9, answer.data() + 12, parsed.status).ec != std::errc()) {
    return absl::UnavailableError(Concat(target.name, ": its answer is no HTTP: is that the administration's address?"));
  }
  parsed.body = answer.substr(end + 4);
  return parsed;
}

// `fields`: each with the end of its line.
absl::StatusOr<AdminAnswer> Exchange(const AdminTarget& target, std::string_view method, const std::string& path_and_query,
                                     std::string_view fields, std::string_view body) {
  Socket socket(target.address.family());
  if (connect(socket.fd(), target.address.data(), target.address.size()) != 0) return Trouble(target, "connecting");
  const std::string host = target.address.family() == AF_UNIX ? "localhost" : target.address.text();
  const std::string token = target.token.empty() ? "" : Concat("authorization: Bearer ", target.token, "\r\n");
  const std::string head =
      Concat(method, " ", path_and_query, " HTTP/1.1\r\nhost: ", host, "\r\n", token, fields, "connection: close\r\n\r\n");
  absl::Status sent = SendAll(target, socket.fd(), head);
  if (sent.ok()) sent = SendAll(target, socket.fd(), body);
  // Who does not want all of it may have answered.
  const absl::StatusOr<std::string> answer = ReadAll(target, socket.fd());
  if (!sent.ok() && (!answer.ok() || answer->empty())) return sent;
  if (!answer.ok()) return answer.status();
  return Parse(target, *answer);
}

std::optional<net::Address> AddressOf(std::string_view text) {
  if (text.starts_with("unix://")) return net::Address::Unix(text.substr(7));
  if (text.starts_with("http://")) text.remove_prefix(7);
  if (text.ends_with('/')) text.remove_suffix(1);
  return net::Address::IpAndPort(text);
}

bool IsSocket(const std::string& path) {
  Socket socket(AF_UNIX);
  const std::optional<net::Address> address = net::Address::Unix(path);
  return address && connect(socket.fd(), address->data(), address->size()) == 0;
}

}  // namespace

bool IsAdminAddress(std::string_view text) {
  return AddressOf(text).has_value() || (text.starts_with('/') && IsSocket(std::string(text)));
}

absl::StatusOr<AdminTarget> ParseAdminTarget(const std::string& text, const std::string& token_file) {
  std::optional<net::Address> address = AddressOf(text);
  if (!address && text.starts_with('/')) address = net::Address::Unix(text);
  if (!address) {
    return absl::InvalidArgumentError(
        Concat(Quote(text), ": expected the administration's address, as 127.0.0.1:9901 or unix:///run/pillion/admin.sock"));
  }
  AdminTarget target{.address = *address, .name = text, .token = {}};
  if (token_file.empty()) return target;
  constexpr size_t kMostToken = 4096;
  absl::StatusOr<std::string> token = config::ReadFile(token_file, kMostToken);
  if (!token.ok()) return absl::InvalidArgumentError(Concat(token_file, ": ", std::string(token.status().message())));
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  target.token = *std::move(token);
  return target;
}

absl::StatusOr<std::string> AskAdmin(const AdminTarget& target, const std::string& path_and_query) {
  absl::StatusOr<AdminAnswer> answer = Exchange(target, "GET", path_and_query, "", "");
  if (!answer.ok()) return answer.status();
  std::string& body = answer->body;
  if (answer->status == 200) return std::move(body);
  while (!body.empty() && body.back() == '\n') body.pop_back();
  if (answer->status == 400) return absl::InvalidArgumentError(body);
  return absl::UnavailableError(Concat(target.name, ": ", path_and_query.substr(0, path_and_query.find('?')),
                                       " was answered with ", answer->status, body.empty() ? "" : ": ", body));
}

absl::StatusOr<AdminAnswer> PostToAdmin(const AdminTarget& target, const std::string& path_and_query,
                                        std::string_view body) {
  return Exchange(target, "POST", path_and_query, Concat("content-length: ", body.size(), "\r\n"), body);
}

std::string QueryOf(const std::vector<std::pair<std::string, std::string>>& parameters) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string query;
  const auto append = [&](std::string_view text) {
    for (const char c : text) {
      if (kPlain.find(c) != kPlain.npos) {
        query += c;
        continue;
      }
      const auto byte = static_cast<unsigned char>(c);
      query += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  };
  for (const auto& [name, value] : parameters) {
    query += query.empty() ? '?' : '&';
    append(name);
    query += '=';
    append(value);
  }
  return query;
}

}  // namespace pillion::ctl
