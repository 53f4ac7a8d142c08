#include "envoy/extensions/filters/http/buffer/v3/buffer.pb.h"
#include "source/filters/buffer/buffer.h"

namespace pillion::filters::buffer {
namespace {

namespace v3 = envoy::extensions::filters::http::buffer::v3;
using google::protobuf::Message;

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext&, const Message& message, const std::string&) {
  const auto& from = static_cast<const v3::Buffer&>(message);
  return std::make_shared<Config>(from.max_request_bytes().value());
}

std::shared_ptr<const config::FilterConfig> BuildRoute(config::BuildContext&, const Message& message,
                                                       const std::string&) {
  const auto& from = static_cast<const v3::BufferPerRoute&>(message);
  return std::make_shared<Config>(from.disabled() ? 0 : from.buffer().max_request_bytes().value());
}

}  // namespace

config::HttpFilterType Type() {
  return {v3::Buffer::descriptor(), Build, v3::BufferPerRoute::descriptor(), BuildRoute};
}

}  // namespace pillion::filters::buffer
