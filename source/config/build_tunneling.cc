// The tunnels of a tcp_proxy.

#include "source/config/build.h"
#include "source/config/text.h"
#include "source/config/tunneling.h"
#include "source/http/syntax.h"

namespace pillion::config {

std::shared_ptr<const Tunneling> BuildTunneling(
    BuildContext& context, const envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy::TunnelingConfig& from,
    const std::string& path) {
  auto to = std::make_shared<Tunneling>();
  std::vector<std::string> errors;
  to->hostname = telemetry::TextFormat::Compile(from.hostname(), "", errors);
  for (const std::string& error : errors) context.errors.Add(FieldPath(path, "hostname"), error);
  const bool literal = from.hostname().find('%') == std::string::npos;
  if (literal && !from.hostname().empty() && !http::IsAuthority(from.hostname())) {
    context.errors.Add(FieldPath(path, "hostname"), Concat(Quote(from.hostname()), ", expected host[:port]"));
  }
  to->post = from.use_post();
  if (!from.post_path().empty()) {
    const std::string place = FieldPath(path, "post_path");
    to->post_path = from.post_path();
    if (!from.use_post()) context.errors.Add(place, "set, but needs use_post");
    if (from.post_path()[0] != '/' || !http::IsTarget(from.post_path())) {
      context.errors.Add(place, Concat(Quote(from.post_path()), ", expected a path that begins with '/'"));
    }
  }
  to->headers = BuildHeaderEdits(context, from.headers_to_add(), FieldPath(path, "headers_to_add"), {}, "");
  to->notes_headers = from.propagate_response_headers();
  to->notes_trailers = from.propagate_response_trailers();
  return to;
}

}  // namespace pillion::config
