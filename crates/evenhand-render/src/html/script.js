(()=>{const $=(s,r=document)=>[...r.querySelectorAll(s)],q=document.getElementById('filter');
if(q){const rows=$('.claims tbody tr'),n=document.getElementById('shown');q.parentElement.hidden=false;
q.oninput=()=>{let k=0;for(const r of rows){r.hidden=!r.textContent.toLowerCase().includes(q.value.toLowerCase());k+=!r.hidden}
n.textContent=k+' of '+rows.length}}
for(const f of $('figure[data-read]')){const out=f.querySelector('.readout'),box=f.querySelector('.plot'),
rows=$('tbody tr',f),heads=$('thead th',f).map(h=>h.textContent),pos=s=>s.dataset.c.split(' ').map(Number);let at=rows.length;
box.tabIndex=0;box.setAttribute('role','group');box.setAttribute('aria-label','Values: left and right arrow keys');
const show=i=>{i=Math.max(0,Math.min(rows.length-1,i));if(i===at)return;at=i;const c=[...rows[at].cells].map(x=>x.textContent);
out.textContent=c[0]+': '+c.slice(1).map((v,j)=>heads[j+1]+' '+v).join(', ');
for(const s of $('svg',box)){const[a,b,n,t,e]=pos(s);let l=s.querySelector('.cur');
if(!l){l=document.createElementNS(s.namespaceURI,'path');l.setAttribute('class','cur');s.append(l)}
l.setAttribute('d',`M${a+(b-a)*at/(n-1)} ${t}V${e}`)}};
box.onpointermove=e=>{const s=e.target.closest('svg');if(!s)return;const[a,b,n]=pos(s),r=s.getBoundingClientRect();
show(Math.round(((e.clientX-r.left)*s.viewBox.baseVal.width/r.width-a)/(b-a)*(n-1)))};
box.onkeydown=e=>{const d={ArrowLeft:-1,ArrowRight:1,Home:-1e5,End:1e5}[e.key];if(d){e.preventDefault();show(at+d)}}}
addEventListener('beforeprint',()=>$('details').forEach(d=>d.open=true))})()
