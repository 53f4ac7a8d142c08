#pragma once

// A copy of a request that a filter asks for, and what becomes of the two.

#include <string_view>

#include "source/base/clock.h"
#include "source/http/message.h"
#include "source/upstream/lane.h"

namespace pillion::filter {

class StreamContext;
struct MirrorWish;

// To one request: its own, or that to its copy.
struct MirroredAnswer {
  int status = 0;         // 0: none came, or it broke off
  int grpc_status = -1;   // of a call of gRPC; -1: it is none
  base::Duration took{};  // from when both were sent on until its head came, other attempts and all
};

// Compares. On the request's worker; of a filter's shard, which the copy keeps: it may be told after the stream's end.
class MirrorObserver {
 public:
  // Before there is a copy. False: there is to be none; then nothing else is called.
  virtual bool MayCopy(const MirrorWish& /*wish*/) { return true; }
  // Before the copy is sent. What is written to its head lies in that head's own arena.
  virtual void OnCopy(StreamContext& stream, http::RequestHead& copy) = 0;
  // Once for each copy, when nothing more comes of either, in whatever order they ended.
  virtual void OnAnswers(const MirroredAnswer& own, const MirroredAnswer& copy) = 0;

 protected:
  ~MirrorObserver() = default;
};

struct MirrorWish {
  std::string_view cluster;  // empty: that of the request
  upstream::LaneWish lane;
  MirrorObserver* observer = nullptr;  // null: nobody compares
};

}  // namespace pillion::filter
