// Addresses and data sources.

#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <system_error>

#include "source/base/xxhash64.h"
#include "source/config/build.h"
#include "source/config/read_file.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

constexpr int kMaxLinks = 40;           // as the kernel follows
constexpr size_t kMaxUnixPath = 107;  // sockaddr_un, with its closing NUL

}  // namespace

std::optional<SocketAddress> ParseIp(const std::string& text, uint16_t port) {
  unsigned char bytes[sizeof(in6_addr)];
  char canonical[INET6_ADDRSTRLEN];
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, text.c_str(), bytes) != 1 || text.find('\0') != std::string::npos) continue;
    ::inet_ntop(family, bytes, canonical, sizeof(canonical));
    return SocketAddress{canonical, family == AF_INET6, port, false};
  }
  return std::nullopt;
}

std::optional<Address> BuildAddress(BuildContext& context, const envoy::config::core::v3::Address& from,
                                    const std::string& path, Transport transport) {
  if (from.has_pipe()) {
    const auto& pipe = from.pipe();
    const std::string pipe_path = FieldPath(path, "pipe.path");
    if (pipe.path().size() > kMaxUnixPath) {
      context.errors.Add(pipe_path, Concat(Quote(pipe.path()), ", expected at most ", kMaxUnixPath, " bytes"));
    }
    if (pipe.path().find('\0') != std::string::npos) {
      context.errors.Add(pipe_path, Concat(Quote(pipe.path()), ", expected no NUL"));
    }
    UnixPath unix_path{pipe.path(), std::nullopt};
    if (pipe.mode() != 0) unix_path.mode = pipe.mode();
    return unix_path;
  }
  if (from.has_envoy_internal_address()) {
    const auto& internal = from.envoy_internal_address();
    if (transport == Transport::kEndpoint) return InternalAddress{internal.server_listener_name(), internal.endpoint_id()};
    context.errors.AddMissing(path, FieldPath(path, "envoy_internal_address"),
                              "expected socket_address or pipe: only endpoints of clusters lead to internal listeners");
    return std::nullopt;
  }
  if (!from.has_socket_address()) return std::nullopt;  // said by CheckConstraints
  const auto& socket = from.socket_address();
  if (transport != Transport::kDatagrams && socket.protocol() != envoy::config::core::v3::SocketAddress::TCP) {
    context.errors.Add(FieldPath(path, "socket_address.protocol"), "UDP, expected TCP");
  }
  std::optional<SocketAddress> address = ParseIp(socket.address(), static_cast<uint16_t>(socket.port_value()));
  if (!address) {
    context.errors.AddMissing(FieldPath(path, "socket_address"), FieldPath(path, "socket_address.address"),
                              Concat(Quote(socket.address()), ", expected an IP address"));
    return std::nullopt;
  }
  address->ipv4_compat = socket.ipv4_compat();
  if (socket.ipv4_compat() && !address->is_ipv6) {
    context.errors.Add(FieldPath(path, "socket_address.ipv4_compat"), "true, but the address is no IPv6 address");
  }
  return *address;
}

void FilesRead::Add(const std::string& path, std::string_view bytes) {
  // Where it is a link, it may lead into another directory, by further links.
  std::filesystem::path at = path;
  std::error_code error;
  for (int links = 0; links <= kMaxLinks; ++links) {
    const std::filesystem::path directory = at.parent_path();
    AddDirectory(directory.empty() ? "." : directory.string());
    if (!std::filesystem::is_symlink(at, error)) break;
    at = directory / std::filesystem::read_symlink(at, error);
  }
  digest = digest * 31 + base::XxHash64(bytes);
}

void FilesRead::AddDirectory(const std::string& path) {
  if (std::find(directories.begin(), directories.end(), path) == directories.end()) directories.push_back(path);
}

std::string ReadSource(BuildContext& context, const envoy::config::core::v3::DataSource& from, size_t max_bytes,
                       const std::string& path) {
  std::string bytes;
  std::string_view field;
  if (from.has_filename()) {
    field = "filename";
    absl::StatusOr<std::string> read = ReadFile(from.filename(), max_bytes);
    if (read.ok()) {
      if (context.files_read != nullptr) context.files_read->Add(from.filename(), *read);
      return *std::move(read);
    }
    if (context.files_read != nullptr) context.files_read->Add(from.filename(), "");  // it may come
    context.errors.AddMissing(path, FieldPath(path, field),
                              Concat('"', from.filename(), "\" ", std::string(read.status().message())));
    return "";
  }
  if (from.has_environment_variable()) {
    field = "environment_variable";
    const char* value = std::getenv(from.environment_variable().c_str());
    if (value == nullptr) {
      context.errors.AddMissing(path, FieldPath(path, field),
                                Concat("there is no environment variable ", Quote(from.environment_variable())));
      return "";
    }
    bytes = value;
  } else if (from.has_inline_bytes()) {
    field = "inline_bytes";
    bytes = from.inline_bytes();
  } else if (from.has_inline_string()) {
    field = "inline_string";
    bytes = from.inline_string();
  }
  if (bytes.size() > max_bytes) {
    context.errors.Add(FieldPath(path, field), Concat(bytes.size(), " bytes, expected at most ", max_bytes));
  }
  return bytes;
}

base::Duration ToDuration(const google::protobuf::Duration& from) {
  // Out of bounds it was refused already, and only must not overflow here.
  constexpr int64_t kMaxSeconds = std::numeric_limits<int64_t>::max() / 1'000'000'000 - 1;
  if (from.seconds() < 0 || from.seconds() > kMaxSeconds) return base::Duration::zero();
  return std::chrono::seconds(from.seconds()) + std::chrono::nanoseconds(from.nanos());
}

}  // namespace pillion::config
