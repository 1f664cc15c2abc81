use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;

use super::*;

/// Counts the requests that read.
#[derive(Debug, Default)]
struct Counting {
    store: InMemory,
    reads: AtomicUsize,
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Counting {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.get_opts(location, options).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

/// A store with one object of so many bytes, each its place modulo 251.
async fn with(name: &str, size: usize) -> (SmallObjects, Arc<Counting>, Path, Vec<u8>) {
    let counting = Arc::new(Counting::default());
    let bytes: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
    let path = Path::from(name);
    counting.store.put(&path, PutPayload::from(bytes.clone())).await.unwrap();
    (SmallObjects::new(counting.clone()), counting, path, bytes)
}

fn reads(counting: &Counting) -> usize {
    counting.reads.load(Ordering::Relaxed)
}

#[tokio::test]
async fn parts_of_a_small_file_are_one_request() {
    let (store, counting, path, bytes) = with("aws_vpc/part-1.parquet", 10_000).await;
    assert_eq!(store.get_range(&path, 9_000..10_000).await.unwrap(), bytes[9_000..]);
    assert_eq!(store.get_ranges(&path, &[0..4, 17..900]).await.unwrap(), [&bytes[0..4], &bytes[17..900]]);
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), bytes);
    let last = GetOptions { range: Some(GetRange::Suffix(8)), ..GetOptions::default() };
    assert_eq!(store.get_opts(&path, last).await.unwrap().bytes().await.unwrap(), bytes[9_992..]);
    assert_eq!(reads(&counting), 1);
    assert!(store.get_range(&path, 20_000..20_001).await.is_err(), "it has no such part");
}

#[tokio::test]
async fn a_commit_is_read_once_and_what_may_change_is_not_kept() {
    let (store, counting, path, bytes) = with("runs/_delta_log/00000000000000000007.json", 900).await;
    for _ in 0..3 {
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), bytes);
    }
    assert_eq!(reads(&counting), 1);
    let (store, counting, path, _) = with("runs/_delta_log/_last_checkpoint", 900).await;
    store.get(&path).await.unwrap();
    counting.store.put(&path, PutPayload::from_static(b"new")).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "new");
    assert_eq!(reads(&counting), 2);
}

#[tokio::test]
async fn of_a_large_file_only_parts_are_read() {
    let size = 3 << 20;
    let (store, counting, path, bytes) = with("aws_vpc/part-1.parquet", size).await;
    let footer = size as u64 - 100..size as u64;
    assert_eq!(store.get_range(&path, footer).await.unwrap(), bytes[size - 100..]);
    assert_eq!(reads(&counting), 1);
    for _ in 0..3 {
        assert_eq!(store.get_ranges(&path, &[5..50, 60..61]).await.unwrap(), [&bytes[5..50], &bytes[60..61]]);
    }
    assert!(reads(&counting) <= 5, "once it looked whether it is small: {}", reads(&counting));
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), bytes);
    assert_eq!(store.memory().bytes, 0);
}

#[tokio::test]
async fn the_least_recently_used_goes_first() {
    let (store, counting, ..) = with("a/part-0.parquet", 1 << 20).await;
    let file = |number: usize| Path::from(format!("a/part-{number}.parquet"));
    let most = BUDGET >> 20;
    for number in 1..=most {
        counting.store.put(&file(number), PutPayload::from(vec![0; 1 << 20])).await.unwrap();
    }
    for number in 0..=most {
        store.get_range(&file(number), 0..1).await.unwrap();
        store.get_range(&file(0), 0..1).await.unwrap();
    }
    assert_eq!(store.memory().bytes, BUDGET);
    let before = reads(&counting);
    store.get_range(&file(0), 0..1).await.unwrap();
    assert_eq!(reads(&counting), before, "it was used all the time");
    store.get_range(&file(1), 0..1).await.unwrap();
    assert_eq!(reads(&counting), before + 1, "it was not");
}
